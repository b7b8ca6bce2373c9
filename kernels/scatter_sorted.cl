// What:    out[row, j, c] = base[row, j, c] joined with those updates whose element is j, in order.
// Layouts: base, out (rows, n, after); element (rows, many), sorted, and order (rows, many), where
//          each came from; updates (rows, many, after).
// Parameters: T, I of the element; JOIN(a, b) of the old and the new. A work-item an element.
// Used by: jairika_nb/engine/routines/scatter.py, where a GPU meets few columns.

#ifndef T
#define T float
#endif

kernel void KERNEL_NAME(
    global T *restrict out, global const T *restrict base, global const I *restrict element,
    global const int *restrict order, global const T *restrict updates, const int n,
    const int many, const int after, const int axis, const int total, const int pieces,
    const int each, global int *fault) {
  for (size_t i = get_global_id(0); i < (size_t)total; i += get_global_size(0))
    if (element[i] < 0 || element[i] >= n)
      pick(element[i] < 0 ? element[i] - n : element[i], n, axis, fault);
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int piece = begin; piece < end; piece++) {
    const int c = piece % after, j = piece / after % n, row = piece / after / n;
    global const I *own = element + (size_t)row * many;
    int low = 0, high = many;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (own[middle] < j)
        low = middle + 1;
      else
        high = middle;
    }
    T value = base[piece];
    for (int k = low; k < many && own[k] == j; k++) {
      const T new = updates[((size_t)row * many + order[(size_t)row * many + k]) * after + c];
      value = JOIN(value, new);
    }
    out[piece] = value;
  }
}
