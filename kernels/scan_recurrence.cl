// What:    s[k] = a[k] * s[k-1] + b[k] along the middle axis of (before, n, after), s[-1] = 0.
// Layouts: a, b, out row-major (before, n, after).
// Parameters: T, float or double, and its vector V16; SPAN columns a piece, 16 (vectors) or 1.
// Used by: jairika_nb/engine/routines/scan.py.

#ifndef SPAN
#define SPAN 16
#endif
#define LOAD1(p) (*(p))
#define LOAD16(p) vload16(0, p)
#define STORE1(v, p) *(p) = v
#define STORE16(v, p) vstore16(v, 0, p)
// The first factor meets nothing: it may be infinite.
#define RUN(V, LOAD, STORE) \
  { \
    V sum = (V)(0); \
    for (int k = 0; k < n; k++) { \
      const size_t at = ((size_t)row * n + (reverse ? n - 1 - k : k)) * after + column; \
      sum = k ? fma(LOAD(a + at), sum, LOAD(b + at)) : LOAD(b + at); \
      STORE(sum, out + at); \
    } \
  }

kernel void KERNEL_NAME(
    global T *restrict out, global const T *restrict a, global const T *restrict b,
    const int n, const int after, const int reverse, const int groups, const int pieces,
    const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int piece = begin; piece < end; piece++) {
    const int group = piece % groups, row = piece / groups;
    int column = group * SPAN;
#if SPAN == 16
    if (column + 16 <= after) {
      RUN(V16, LOAD16, STORE16)
      continue;
    }
#endif
    for (const int stop = min(column + SPAN, after); column < stop; column++) {
      RUN(T, LOAD1, STORE1)
    }
  }
}
