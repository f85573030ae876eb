;; A WASI program as a filter may be one. Its first argument says what it does:
;;   cat          copies its input
;;   prepend X    writes X, then copies its input
;;   append X     copies its input, then writes X
;;   write X      writes X alone
;;   exit N X     writes X to standard error and exits with N
;;   variables X  writes X, then its environment
;;   trap, loop, flood (1 GiB of output), eat (all memory), quit (exits with 0
;;   after a part of the output)
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 4)
  ;; 0 vector, 16 count, 1024 pointers, 4096 arguments, 65536 environment, 131072 buffer
  (global $count (mut i32) (i32.const 0))

  (func $length (param $s i32) (result i32)
    (local $n i32)
    (block $end (loop $next
      (br_if $end (i32.eqz (i32.load8_u (i32.add (local.get $s) (local.get $n)))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $next)))
    (local.get $n))

  (func $write (param $fd i32) (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16))))

  (func $argument (param $n i32) (result i32)
    (i32.load (i32.add (i32.const 1024) (i32.mul (local.get $n) (i32.const 4)))))

  (func $say (param $fd i32) (param $n i32)
    (if (i32.lt_u (local.get $n) (global.get $count))
      (then (call $write (local.get $fd) (call $argument (local.get $n)) (call $length (call $argument (local.get $n)))))))

  (func $cat
    (block $end (loop $next
      (i32.store (i32.const 0) (i32.const 131072))
      (i32.store (i32.const 4) (i32.const 65536))
      (br_if $end (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br_if $end (i32.eqz (i32.load (i32.const 16))))
      (call $write (i32.const 1) (i32.const 131072) (i32.load (i32.const 16)))
      (br $next))))

  (func $number (param $s i32) (result i32)
    (local $n i32)
    (block $end (loop $next
      (br_if $end (i32.eqz (i32.load8_u (local.get $s))))
      (local.set $n (i32.add (i32.mul (local.get $n) (i32.const 10)) (i32.sub (i32.load8_u (local.get $s)) (i32.const 48))))
      (local.set $s (i32.add (local.get $s) (i32.const 1)))
      (br $next)))
    (local.get $n))

  (func $flood
    (local $n i32)
    (loop $next
      (call $write (i32.const 1) (i32.const 131072) (i32.const 65536))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $n) (i32.const 16384)))))

  (func $is (param $letter i32) (param $second i32) (result i32)
    (i32.and
      (i32.eq (i32.load8_u (call $argument (i32.const 1))) (local.get $letter))
      (i32.eq (i32.load8_u (i32.add (call $argument (i32.const 1)) (i32.const 1))) (local.get $second))))

  (func (export "_start")
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (global.set $count (i32.load (i32.const 0)))
    (drop (call $args_get (i32.const 1024) (i32.const 4096)))
    (if (i32.lt_u (global.get $count) (i32.const 2)) (then (return)))
    (if (call $is (i32.const 0x63) (i32.const 0x61)) (then (call $cat)))                                         ;; cat
    (if (call $is (i32.const 0x70) (i32.const 0x72)) (then (call $say (i32.const 1) (i32.const 2)) (call $cat))) ;; prepend
    (if (call $is (i32.const 0x61) (i32.const 0x70)) (then (call $cat) (call $say (i32.const 1) (i32.const 2)))) ;; append
    (if (call $is (i32.const 0x77) (i32.const 0x72)) (then (call $say (i32.const 1) (i32.const 2))))             ;; write
    (if (call $is (i32.const 0x65) (i32.const 0x78))                                                             ;; exit
      (then
        (call $say (i32.const 2) (i32.const 3))
        (call $proc_exit (call $number (call $argument (i32.const 2))))))
    (if (call $is (i32.const 0x76) (i32.const 0x61))                                                             ;; variables
      (then
        (call $say (i32.const 1) (i32.const 2))
        (drop (call $environ_sizes_get (i32.const 0) (i32.const 4)))
        (drop (call $environ_get (i32.const 2048) (i32.const 65536)))
        (call $write (i32.const 1) (i32.const 65536) (i32.load (i32.const 4)))))
    (if (call $is (i32.const 0x74) (i32.const 0x72)) (then (unreachable)))                                       ;; trap
    (if (call $is (i32.const 0x6c) (i32.const 0x6f)) (then (loop $forever (br $forever))))                       ;; loop
    (if (call $is (i32.const 0x66) (i32.const 0x6c)) (then (call $flood)))                                       ;; flood
    (if (call $is (i32.const 0x65) (i32.const 0x61))                                                             ;; eat
      (then (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (call $cat)))
    (if (call $is (i32.const 0x71) (i32.const 0x75))                                                             ;; quit
      (then (call $say (i32.const 1) (i32.const 2)) (call $proc_exit (i32.const 0))))))
