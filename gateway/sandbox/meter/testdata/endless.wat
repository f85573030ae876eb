;; Code that does not end.
(module
  (memory (export "memory") 1)
  (func (export "loop") (loop $again (br $again)))
  (func $tree (param i32)
    (if (local.get 0) (then
      (call $tree (i32.sub (local.get 0) (i32.const 1)))
      (call $tree (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "recursion") (call $tree (i32.const 30)))
  (func $deep (result i32) (i32.add (call $deep) (i32.const 1)))
  (func (export "deep") (drop (call $deep)))
  (func (export "fill") (loop $again
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $again)))
  (func (export "nothing")))
