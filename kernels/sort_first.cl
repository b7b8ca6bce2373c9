// What:    the places of the k first elements of rows of n in sorted order, on a CPU; stable.
// Layouts: x (rows, n); out (rows, k) int.
// Parameters: T; K, the unsigned integer of its size, and K16; KEY as in sort_rows.cl, KEYS of 16;
//          MOST, the largest k.
// Used by: jairika_nb/engine/routines/sort.py.

#ifndef MOST
#define MOST 64
#endif

kernel void KERNEL_NAME(
    global int *restrict out, global const T *restrict x, const int n, const int k,
    const int flip, const int pieces, const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int row = begin; row < end; row++) {
    global const T *line = x + (size_t)row * n;
    K keys[MOST];
    int places[MOST], held = 0;
    for (int i = 0; i < n; i++) {
      // Once k are held most elements are worse than all of them: 16 are passed by at once.
      while (held == k && i + 16 <= n) {
        const K16 next = KEYS(vload16(0, line + i), flip);
        if (any(next < (K16)(keys[k - 1]))) break;
        i += 16;
      }
      if (i == n) break;
      const K own = KEY(line[i], flip);
      // Of equal elements the earlier one stays: later ones are as good, not better.
      if (held == k && own >= keys[k - 1]) continue;
      int j = held < k ? held++ : k - 1;
      for (; j > 0 && keys[j - 1] > own; j--) {
        keys[j] = keys[j - 1];
        places[j] = places[j - 1];
      }
      keys[j] = own;
      places[j] = i;
    }
    for (int i = 0; i < k; i++) out[(size_t)row * k + i] = places[i];
  }
}
