;; Memory: run(n) grows by n pages, fills, copies and initialises.
(module
  (memory (export "memory") 1 6)
  (data $greeting "hello, meter")
  (func (export "run") (param $n i32) (result i32)
    (local $old i32)
    (local.set $old (memory.grow (local.get $n)))
    (memory.fill (i32.const 100) (i32.const 7) (i32.const 1000))
    (memory.copy (i32.const 300) (i32.const 80) (i32.const 500))
    (memory.init $greeting (i32.const 10) (i32.const 1) (i32.const 8))
    (i32.add (i32.mul (memory.size) (i32.const 1000)) (local.get $old)))
  (func (export "size") (result i32) (memory.size))
  (func (export "touch") (param i32) (i32.store8 (local.get 0) (i32.const 1)))
  (func (export "copies") (param i32)
    (loop $again
      (memory.copy (i32.const 0) (i32.const 30000) (i32.const 30000))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
