;; Vector instructions with immediates of every kind, and typed select.
(module
  (memory (export "memory") 1)
  (func (export "run") (param $n i32) (result i32)
    (v128.store (i32.const 16)
      (i64x2.eq (i64x2.splat (i64.const 3))
        (i32x4.add (v128.load offset=32 (i32.const 0)) (v128.const i32x4 1 2 3 4))))
    (v128.store8_lane 3 (i32.const 40)
      (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
        (v128.load8_splat (i32.const 16)) (v128.load32_zero (i32.const 20))))
    (select (result i32)
      (i32x4.extract_lane 2 (i32x4.splat (local.get $n)))
      (i32.trunc_sat_f64_u (f64.const 3.7))
      (i32.and (local.get $n) (i32.const 1)))))
