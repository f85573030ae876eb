;; Tags subjects, and does wrong where anything is unusual: without a subject it
;; traps, a refusal of header_set makes it wait for ever, and it believes that
;; every subject fits. config.wrong = 1 makes it drop the first field instead.
(module
  (import "mmgw" "get_int" (func $get_int (param i32 i32) (result i64)))
  (import "mmgw" "header_get" (func $header_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "mmgw" "header_set" (func $header_set (param i32 i32 i32 i32) (result i32)))
  (import "mmgw" "header_delete" (func $header_delete (param i32) (result i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "Subject")
  (data (i32.const 16) "config.wrong")
  (data (i32.const 65020) "[x] ")
  (func (export "mmgw_abi") (result i32) (i32.const 0x10000))
  (func (export "mmgw_incoming") (result i32)
    (local $n i32)
    (if (i64.eq (call $get_int (i32.const 16) (i32.const 12)) (i64.const 1)) (then (return (call $header_delete (i32.const 0)))))
    (local.set $n (call $header_get (i32.const 0) (i32.const 7) (i32.const 0) (i32.const 65024) (i32.const 500)))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then unreachable))
    (loop $again
      (br_if $again (call $header_set (i32.const 0) (i32.const 7) (i32.const 65020) (i32.add (local.get $n) (i32.const 4)))))
    (i32.const 0)))
