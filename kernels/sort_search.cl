// What:    where values belong in sorted rows: how many elements lie before each.
// Layouts: rows (R or 1, n); values, out (R, many).
// Parameters: T; BEFORE(a, v): whether an element a lies before a value v; NaN is the largest.
// Used by: jairika_nb/engine/routines/sort.py.

#ifndef T
#define T float
#endif

kernel void KERNEL_NAME(
    global int *restrict out, global const T *restrict rows, global const T *restrict values,
    const int n, const int many, const int row_stride, const int pieces, const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int i = begin; i < end; i++) {
    global const T *row = rows + (size_t)(i / many) * row_stride;
    const T v = values[i];
    int low = 0;
    // Without branches: half the elements lie before, and no one can foresee which half.
    for (int left = n; left > 0;) {
      const int middle = left / 2;
      const T a = row[low + middle];
      const int before = BEFORE(a, v) ? 1 : 0;
      low = before ? low + middle + 1 : low;
      left = before ? left - middle - 1 : middle;
    }
    out[i] = low;
  }
}
