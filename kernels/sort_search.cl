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
    int low = 0, high = n;
    while (low < high) {
      const int middle = (low + high) / 2;
      const T a = row[middle];
      if (BEFORE(a, v))
        low = middle + 1;
      else
        high = middle;
    }
    out[i] = low;
  }
}
