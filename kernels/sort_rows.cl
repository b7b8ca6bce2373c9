// What:    the order that sorts rows of n elements, on a CPU: digit by digit, least first; stable.
// Layouts: x (rows, n); out (rows, n) int; scratch 2 * n ulong a work-item: key half and place.
// Parameters: T; KEY(v, flip), an unsigned integer that orders as the values do, or upside down;
//          PARTS 32-bit halves of a key, PASSES digits of 8 bits each; SMALL rows are inserted.
// Used by: jairika_nb/engine/routines/sort.py.

#ifndef SMALL
#define SMALL 32
#endif

kernel void KERNEL_NAME(
    global int *restrict out, global const T *restrict x, global ulong *restrict scratch,
    const int n, const int flip, const int pieces, const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int row = begin; row < end; row++) {
    global const T *line = x + (size_t)row * n;
    global ulong *from = scratch + (size_t)get_global_id(0) * 2 * n, *to = from + n;
    for (int part = 0; part < PARTS; part++) {
      for (int i = 0; i < n; i++) {
        const uint place = part ? (uint)from[i] : (uint)i;
        const ulong key = KEY(line[place], flip);
        from[i] = (part ? key >> 32 : key & 0xFFFFFFFFUL) << 32 | place;
      }
      if (n <= SMALL) {
        for (int i = 1; i < n; i++) {
          const ulong own = from[i];
          int j = i;
          for (; j > 0 && from[j - 1] >> 32 > own >> 32; j--) from[j] = from[j - 1];
          from[j] = own;
        }
        continue;
      }
      uint counts[PASSES][256];
      for (int pass = 0; pass < PASSES; pass++)
        for (int digit = 0; digit < 256; digit++) counts[pass][digit] = 0;
      for (int i = 0; i < n; i++) {
        const uint key = from[i] >> 32;
        for (int pass = 0; pass < PASSES; pass++) counts[pass][key >> 8 * pass & 255]++;
      }
      for (int pass = 0; pass < PASSES; pass++) {
        const int shift = 32 + 8 * pass;
        // A digit that all keys share moves nothing.
        if (counts[pass][from[0] >> shift & 255] == (uint)n) continue;
        uint sum = 0;
        for (int digit = 0; digit < 256; digit++) {
          const uint count = counts[pass][digit];
          counts[pass][digit] = sum;
          sum += count;
        }
        for (int i = 0; i < n; i++) {
          const ulong own = from[i];
          to[counts[pass][own >> shift & 255]++] = own;
        }
        global ulong *other = from;
        from = to;
        to = other;
      }
    }
    for (int i = 0; i < n; i++) out[(size_t)row * n + i] = (int)(uint)from[i];
  }
}
