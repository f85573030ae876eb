;; Changes its table, which no snapshot holds: it runs by deadline alone.
(module
  (import "mmgw" "get_int" (func $get_int (param i32 i32) (result i64)))
  (memory (export "memory") 1)
  (table $t 2 funcref)
  (elem declare func $answer)
  (data (i32.const 0) "config.endless")
  (func $answer (result i32) (i32.const 7))
  (func (export "mmgw_abi") (result i32) (i32.const 0x10000))
  (func (export "mmgw_incoming") (result i32)
    (if (i64.eq (call $get_int (i32.const 0) (i32.const 14)) (i64.const 1)) (then (loop $again (br $again))))
    (if (i32.eqz (ref.is_null (table.get $t (i32.const 1)))) (then (return (i32.const 8))))
    (table.set $t (i32.const 1) (ref.func $answer))
    (call_indirect $t (result i32) (i32.const 1))))
