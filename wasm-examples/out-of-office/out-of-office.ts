/**
 * out-of-office is an example of an incoming handler in AssemblyScript: it
 * throws away what a member's mail program answered by itself, so that a list
 * does not hear of every holiday.
 *
 * An answer says so by Auto-Submitted: auto-replied (RFC 3834, section 5), and
 * those of older programs by the fields below. Mail that a program wrote of its
 * own accord, auto-generated, passes: a list may live of it. Only posts are
 * looked at; the owners of a list hear of holidays.
 *
 * Setting: generated = true throws that away too.
 *
 *     asc out-of-office.ts -Oz --runtime stub --use abort= -o out-of-office.wasm
 */
import { configIsTrue, discard, get, header, is, startsWith, log, Level } from "../../sdk/assemblyscript/mmgw";
export { mmgw_abi } from "../../sdk/assemblyscript/mmgw";

export function mmgw_incoming(): i32 {
  const service = get("rcpt.0.service");
  if (service == null || !is(service, "post") || !automatic()) return 0;
  log(Level.Info, "an automatic answer is thrown away");
  return discard();
}

function automatic(): bool {
  if (starts("Auto-Submitted", "auto-replied")) return true;
  if (starts("Auto-Submitted", "auto-generated")) return configIsTrue("generated");
  return starts("Precedence", "auto_reply") || header("X-Autoreply") != null || header("X-Autorespond") != null;
}

function starts(name: string, word: string): bool {
  const value = header(name);
  return value != null && startsWith(value, word);
}
