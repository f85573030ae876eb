;; Writes the address of the client that the MTA served into a field X-Client.
(module
  (import "mmgw" "get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "mmgw" "header_set" (func $header_set (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "env.client_ip")
  (data (i32.const 16) "X-Client")
  (func (export "mmgw_abi") (result i32) (i32.const 0x10000))
  (func (export "mmgw_incoming") (result i32)
    (local $n i32)
    (local.set $n (call $get (i32.const 0) (i32.const 13) (i32.const 32) (i32.const 64)))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then (return (i32.const 0))))
    (call $header_set (i32.const 16) (i32.const 8) (i32.const 32) (local.get $n))))
