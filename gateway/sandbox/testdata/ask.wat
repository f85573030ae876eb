;; Asks the DNS for the TXT records of the name that the subject is.
(module
  (import "mmgw" "header_get" (func $header_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "mmgw" "dns" (func $dns (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "Subject")
  (func (export "mmgw_abi") (result i32) (i32.const 0x10000))
  (func (export "mmgw_incoming") (result i32)
    (drop (call $dns (i32.const 16) (i32.const 16)
      (call $header_get (i32.const 0) (i32.const 7) (i32.const 0) (i32.const 16) (i32.const 4000))
      (i32.const 8192) (i32.const 4000)))
    (i32.const 0)))
