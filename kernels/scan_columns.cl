// What:    running JOIN along the middle axis of (before, n, after), in blocks of `size`.
// Layouts: x, out row-major (before, n, after); starts (before, blocks, after) if `begun`.
// Parameters: T, V16; NEUTRAL; STEP(V, sum, lost, value) joins a value to a running one, and may
//          carry along what rounding lost; SPAN columns a piece, 16 or 1.
// Used by: jairika_nb/engine/routines/scan.py, where several columns lie side by side.

#ifndef SPAN
#define SPAN 16
#endif
#define LOAD1(p) (*(p))
#define LOAD16(p) vload16(0, p)
#define STORE1(v, p) *(p) = v
#define STORE16(v, p) vstore16(v, 0, p)
#define RUN(V, LOAD, STORE) \
  { \
    V sum = (V)(NEUTRAL), lost = (V)(0); \
    if (begun) sum = LOAD(starts + ((size_t)row * blocks + block) * after + column); \
    for (int k = first; k < last; k++) { \
      const int line = reverse ? first + last - 1 - k : k; \
      const size_t at = ((size_t)row * n + line) * after + column; \
      STEP(V, sum, lost, LOAD(x + at)) \
      STORE(sum, out + at); \
    } \
  }

kernel void KERNEL_NAME(
    global T *restrict out, global const T *restrict x, global const T *restrict starts,
    const int n, const int after, const int blocks, const int size, const int reverse,
    const int begun, const int groups, const int pieces, const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int piece = begin; piece < end; piece++) {
    const int group = piece % groups, block = piece / groups % blocks;
    const int row = piece / groups / blocks;
    const int first = block * size, last = min(first + size, n);
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
