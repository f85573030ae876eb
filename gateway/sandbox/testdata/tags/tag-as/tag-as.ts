/** Puts "[wasm] " in front of the subject: the figures of gateway/sandbox. */
import { Bytes, header, setHeader, bytes } from "../../../../../sdk/assemblyscript/mmgw";
export { mmgw_abi } from "../../../../../sdk/assemblyscript/mmgw";

const tag = bytes("[wasm] ");

export function mmgw_incoming(): i32 {
  const subject = header("Subject");
  if (subject == null) return 0;
  return setHeader("Subject", tag.concat<Bytes>(subject));
}
