// What:    out = base, then out[row, index[row, k, c], c] joined with updates[row, k, c], k rising.
// Layouts: base, out (rows, n, after); updates (rows, many, after); index (rows or 1, many, after
//          or 1), strides in elements.
// Parameters: T, V16, I of the index; JOIN(a, b) of the old and the new; WIDE with vectors; FILL in
//          place of base. A piece (row, span, range of n) meets all updates and takes its own.
// Used by: jairika_nb/engine/routines/scatter.py.

#ifndef WIDE
#define WIDE 1
#endif
#ifdef FILL
#define BASE(i) FILL
#else
#define BASE(i) from[i]
#endif

kernel void KERNEL_NAME(
    global T *restrict out, global const T *restrict base, global const I *restrict index,
    global const T *restrict updates, const int n, const int many, const int after,
    const int row_stride, const int k_stride, const int column_stride, const int span,
    const int groups, const int ranges, const int axis, const int pieces, const int each,
    global int *fault) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int piece = begin; piece < end; piece++) {
    const int range = piece % ranges, group = piece / ranges % groups;
    const int row = piece / ranges / groups;
    const int low = (long)n * range / ranges, high = (long)n * (range + 1) / ranges;
    const int first = group * span, last = min(first + span, after);
    global T *to = out + (size_t)row * n * after;
    global const T *from = base + (size_t)row * n * after;
    if (last - first == after) {
      for (size_t i = (size_t)low * after; i < (size_t)high * after; i++) to[i] = BASE(i);
    } else {
      for (int j = low; j < high; j++)
        for (int c = first; c < last; c++) to[(size_t)j * after + c] = BASE((size_t)j * after + c);
    }
    global const I *places = index + (size_t)row * row_stride;
    global const T *update = updates + (size_t)row * many * after;
    if (after == 1) {
      for (int k = 0; k < many; k++) {
        const long given = places[(long)k * k_stride], j = given < 0 ? given + n : given;
        if (j >= low && j < high) {
          const T old = to[j], new = update[k];
          to[j] = JOIN(old, new);
        } else if (j < 0 || j >= n) {
          pick(given, n, axis, fault);
        }
      }
      continue;
    }
    for (int k = 0; k < many; k++, update += after, places += k_stride) {
      if (column_stride == 0) {
        const int j = pick(*places, n, axis, fault);
        if (j < low || j >= high) continue;
        global T *line = to + (size_t)j * after;
        int c = first;
#if WIDE
        for (; c + 16 <= last; c += 16) {
          const V16 old = vload16(0, line + c), new = vload16(0, update + c);
          vstore16(JOIN(old, new), 0, line + c);
        }
#endif
        for (; c < last; c++) {
          const T old = line[c], new = update[c];
          line[c] = JOIN(old, new);
        }
      } else {
        for (int c = first; c < last; c++) {
          const int j = pick(places[c], n, axis, fault);
          if (j < low || j >= high) continue;
          const T old = to[(size_t)j * after + c], new = update[c];
          to[(size_t)j * after + c] = JOIN(old, new);
        }
      }
    }
  }
}
