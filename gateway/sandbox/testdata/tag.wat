;; Puts "[wasm] " in front of the subject: the smallest useful handler.
(module
  (import "mmgw" "header_get" (func $header_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "mmgw" "header_set" (func $header_set (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "Subject")
  (data (i32.const 16) "[wasm] ")
  (func (export "mmgw_abi") (result i32) (i32.const 0x10000))
  (func (export "mmgw_incoming") (result i32)
    (local $n i32)
    (local.set $n (call $header_get (i32.const 0) (i32.const 7) (i32.const 0) (i32.const 23) (i32.const 4000)))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then (return (i32.const 0))))
    (drop (call $header_set (i32.const 0) (i32.const 7) (i32.const 16) (i32.add (local.get $n) (i32.const 7))))
    (i32.const 0)))
