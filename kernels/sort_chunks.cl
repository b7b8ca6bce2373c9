// What:    the steps that sort long rows in chunks: pairs of key half and place; how often each
//          digit occurs in a chunk; and the stable move of a chunk's pairs to where they belong.
// Layouts: pairs (rows, n) ulong; counts and places (rows, DIGITS, chunks) int.
// Parameters: STEP 0, 1, 2 for those three; T, KEY as in sort_rows.cl; DIGITS a power of 2; `part`
//          of 64-bit keys, `again` where pairs are in an order. Used by: routines/sort.py.

#ifndef STEP
#define STEP 0
#endif
#ifndef DIGITS
#define DIGITS 256
#endif
#define DIGIT(pair) ((pair) >> shift & (DIGITS - 1))

#if STEP == 0
kernel void KERNEL_NAME(
    global ulong *restrict out, global const T *restrict x, global const ulong *restrict pairs,
    const int n, const int flip, const int part, const int again, const int pieces,
    const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int i = begin; i < end; i++) {
    const int row = i / n;
    const uint place = again ? (uint)pairs[i] : (uint)(i - row * n);
    const ulong key = KEY(x[(size_t)row * n + place], flip);
    out[i] = (part ? key >> 32 : key & 0xFFFFFFFFUL) << 32 | place;
  }
}
#elif STEP == 1
kernel void KERNEL_NAME(
    global int *restrict counts, global const ulong *restrict pairs, const int n, const int shift,
    const int chunk, const int chunks, const int pieces, const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int piece = begin; piece < end; piece++) {
    const int row = piece / chunks, own = piece % chunks, stop = min(n, (own + 1) * chunk);
    uint found[DIGITS];
    for (int digit = 0; digit < DIGITS; digit++) found[digit] = 0;
    for (int i = own * chunk; i < stop; i++) found[DIGIT(pairs[(size_t)row * n + i])]++;
    for (int digit = 0; digit < DIGITS; digit++)
      counts[((size_t)row * DIGITS + digit) * chunks + own] = found[digit];
  }
}
#else
kernel void KERNEL_NAME(
    global ulong *restrict out, global const ulong *restrict pairs,
    global const int *restrict places, const int n, const int shift, const int chunk,
    const int chunks, const int pieces, const int each) {
  const int begin = get_global_id(0) * each, end = min(begin + each, pieces);
  for (int piece = begin; piece < end; piece++) {
    const int row = piece / chunks, own = piece % chunks, stop = min(n, (own + 1) * chunk);
    uint at[DIGITS];
    for (int digit = 0; digit < DIGITS; digit++)
      at[digit] = places[((size_t)row * DIGITS + digit) * chunks + own];
    for (int i = own * chunk; i < stop; i++) {
      const ulong pair = pairs[(size_t)row * n + i];
      out[(size_t)row * n + at[DIGIT(pair)]++] = pair;
    }
  }
}
#endif
