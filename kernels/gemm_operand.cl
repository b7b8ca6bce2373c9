// What:    how the work-items of a group bring a step of one operand into its tile: by `side_fetch`
//          into registers, by `side_put` from there into local memory. `side` is left or right.
// Layouts: `side_at`, made for the operand, reads STEP neighbours along k (ALONG_K) or along the
//          other axis, called the line's. Tiles are [DEPTH][LINES + 4], or, for matrix units (UNITS),
//          [LINES][WORDS + 4] words of 32 bits: two neighbours along k (NARROW) or one number.
// Parameters: LINES of DEPTH elements a step, read by THREADS work-items.
// Used by: gemm_local.cl and gemm_matrix.cl (jairika_nb/engine/product_gpu.py).

#ifndef STEP
#define STEP 1
#endif
#ifndef ALONG_K
#define ALONG_K 1
#endif
#ifndef LINES
#define LINES 64
#endif
#ifndef MANY
#define MANY 4
#endif
#ifndef UNITS
#define UNITS 0
#endif
#ifndef NARROW
#define NARROW 0
#endif
#ifndef WORDS
#define WORDS 16
#endif

// The first of the elements that a work-item reads in its turn j: neighbouring ones read neighbours.
inline void side_place(const int j, int *line, int *inner) {
  const int i = get_local_id(0) + j * THREADS;
  *line = ALONG_K ? i / (DEPTH / STEP) : i % (LINES / STEP) * STEP;
  *inner = ALONG_K ? i % (DEPTH / STEP) * STEP : i / (LINES / STEP);
}

// Beyond the edges the last elements are read again: those along k count as zeros, and the values
// of C that the others make are not stored.
inline void side_fetch(const int batch, const int first, const int size, const int first_k,
                       const int end_k, REAL *next PARAMETERS) {
#pragma unroll
  for (int j = 0; j < MANY; j++) {
    int line, inner;
    side_place(j, &line, &inner);
    const int at = min(first + line, size - (ALONG_K ? 1 : STEP)), k = first_k + inner;
    REAL found[STEP];
    side_at(batch, at, min(k, end_k - (ALONG_K ? STEP : 1)), found PASSED);
#pragma unroll
    for (int s = 0; s < STEP; s++) next[j * STEP + s] = k < end_k ? found[s] : (REAL)0;
  }
}

#if UNITS
// A number as the units take it: exact where it was of that type, else rounded to nearest.
inline void side_bits(const float v, uint *bits) {
  *bits = as_uint(v);
#if UNIT_IS_HALF
  ushort half_bits;
  vstore_half_rte(v, 0, (half *)&half_bits);
  *bits = half_bits;
#elif NARROW
  *bits = v != v ? 0x7FC0u : (*bits + 0x7FFFu + ((*bits >> 16) & 1u)) >> 16;
#else
  const uint near = (*bits + 0x1000u) & 0xFFFFE000u;
  *bits = v != v ? 0x7FC00000u : near;
#endif
}

inline void side_put(local uint *tile, const float *next) {
#pragma unroll
  for (int j = 0; j < MANY; j++) {
    int line, inner;
    uint bits[STEP];
    side_place(j, &line, &inner);
#pragma unroll
    for (int s = 0; s < STEP; s++) side_bits(next[j * STEP + s], bits + s);
#if NARROW && ALONG_K && STEP == 4
    tile[line * (WORDS + 4) + inner / 2] = bits[0] | (bits[1] << 16);
    tile[line * (WORDS + 4) + inner / 2 + 1] = bits[2] | (bits[3] << 16);
#else
#pragma unroll
    for (int s = 0; s < STEP; s++) {
      const int at = line + (ALONG_K ? 0 : s), k = inner + (ALONG_K ? s : 0);
#if NARROW
      ((local ushort *)tile)[at * (2 * WORDS + 8) + k] = (ushort)bits[s];
#else
      tile[at * (WORDS + 4) + k] = bits[s];
#endif
    }
#endif
  }
}
#else
inline void side_put(local REAL *tile, const REAL *next) {
#pragma unroll
  for (int j = 0; j < MANY; j++) {
    int line, inner;
    side_place(j, &line, &inner);
#pragma unroll
    for (int s = 0; s < STEP; s++) {
      const int at = line + (ALONG_K ? 0 : s), k = inner + (ALONG_K ? s : 0);
      tile[k * (LINES + 4) + at] = next[j * STEP + s];
    }
  }
}
#endif

