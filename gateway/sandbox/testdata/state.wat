;; Counts its calls in a global, in memory and in memory it has grown, and
;; returns how many it remembers.
(module
  (memory (export "memory") 1)
  (global $calls (mut i32) (i32.const 0))
  (func (export "mmgw_abi") (result i32) (i32.const 0x10000))
  (func (export "mmgw_init") (result i32) (i32.store (i32.const 8) (i32.const 40)) (i32.const 0))
  (func (export "mmgw_incoming") (result i32)
    (local $page i32)
    (local.set $page (i32.shl (memory.grow (i32.const 1)) (i32.const 16)))
    (if (i32.eq (local.get $page) (i32.const -65536)) (then (return (i32.const 1000))))
    (if (i32.load (local.get $page)) (then (return (i32.const 2000))))
    (i32.store (local.get $page) (i32.const 1))
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
    (if (i32.ne (i32.load (i32.const 8)) (i32.add (global.get $calls) (i32.const 40))) (then (return (i32.const 3000))))
    (i32.sub (global.get $calls) (i32.const 1))))
