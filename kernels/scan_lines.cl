// What:    running JOIN along contiguous rows of n elements, in blocks of `size`, on a CPU.
// Layouts: x, out row-major (rows, n); starts (rows, blocks) if `begun`.
// Parameters: T and its 16-, 8- and 4-vectors V16, V8, V4; JOIN(a, b) and its NEUTRAL; STEP as in
//          scan_columns.cl.
// Used by: jairika_nb/engine/routines/scan.py, where the axis is the last one.

#ifndef NEUTRAL
#define NEUTRAL 0
#endif
// 16 elements in four steps (W. D. Hillis, G. L. Steele: Data parallel algorithms, CACM 1986).
#define MOVED1(v) ((V16)(NEUTRAL, v.s0, v.s12, v.s3456, v.s789abcde))
#define MOVED2(v) ((V16)(NEUTRAL, NEUTRAL, v.s01, v.s2345, v.s6789abcd))
#define MOVED4(v) ((V16)((V4)(NEUTRAL), v.s0123, v.s456789ab))
#define MOVED8(v) ((V16)((V8)(NEUTRAL), v.s01234567))
#define GROW(v, MOVED) \
  { \
    const V16 moved = MOVED(v); \
    v = JOIN(moved, v); \
  }

kernel void KERNEL_NAME(
    global T *restrict out, global const T *restrict x, global const T *restrict starts,
    const int n, const int blocks, const int size, const int reverse, const int begun,
    const int pieces, const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int piece = begin; piece < end; piece++) {
    const int row = piece / blocks, block = piece % blocks;
    const int first = block * size, count = min(size, n - first);
    const size_t base = (size_t)row * n + first;
    T sum = begun ? starts[piece] : (T)(NEUTRAL), lost = 0;
    int k = 0;
    for (; k + 16 <= count; k += 16) {
      const size_t at = base + (reverse ? count - 16 - k : k);
      V16 v = vload16(0, x + at);
      v = reverse ? v.sfedcba9876543210 : v;
      GROW(v, MOVED1) GROW(v, MOVED2) GROW(v, MOVED4) GROW(v, MOVED8)
      const V16 before = (V16)(sum), found = JOIN(before, v);
      vstore16(reverse ? found.sfedcba9876543210 : found, 0, out + at);
      STEP(T, sum, lost, v.sf)
    }
    for (; k < count; k++) {
      const size_t at = base + (reverse ? count - 1 - k : k);
      STEP(T, sum, lost, x[at])
      out[at] = sum;
    }
  }
}
