// What:    one instruction of a matrix unit, done by hand: UNIT_ROWS x UNIT_COLUMNS sums in float32
//          grow by a product of operands of UNIT_ROWS x 8 and UNIT_COLUMNS x 8 words, each two
//          numbers of 16 bits along k (NARROW) or one of 32.
// Layouts: which words and sums a work-item has is said by the functions of matrix_nvidia.cl or
//          matrix_intel.cl, one of which stands before. The operands go from their LANES owners to
//          `words` in local memory, [UNIT_ROWS][8] and [UNIT_COLUMNS][8].
// Parameters: UNIT_IS_HALF tells float16 from bfloat16.
// Used by: gemm_matrix.cl, and the probe of jairika_nb/engine/matrix_units.py.

#ifndef NARROW
#define NARROW 1
#endif

// What one word adds to a sum.
inline void add_word(const uint a, const uint b, float *sum) {
#if UNIT_IS_HALF
  const ushort2 left = as_ushort2(a), right = as_ushort2(b);
  *sum += vload_half(0, (const half *)&left) * vload_half(0, (const half *)&right);
  *sum += vload_half(1, (const half *)&left) * vload_half(1, (const half *)&right);
#elif NARROW
  *sum += as_float(a << 16) * as_float(b << 16);
  *sum += as_float(a & 0xFFFF0000u) * as_float(b & 0xFFFF0000u);
#else
  *sum += as_float(a) * as_float(b);
#endif
}

inline void multiply(const uint *a, const uint *b, float *c, local uint *words) {
  const int lane = get_local_id(0) % LANES;
  local uint *right = words + UNIT_ROWS * 8;
  for (int i = 0; i < LEFT_WORDS; i++) words[left_row(lane, i) * 8 + left_word(lane, i)] = a[i];
  for (int i = 0; i < RIGHT_WORDS; i++) right[right_column(lane, i) * 8 + right_word(lane, i)] = b[i];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < UNIT_SUMS; i++)
    for (int k = 0; k < 8; k++)
      add_word(words[sum_row(lane, i) * 8 + k], right[sum_column(lane, i) * 8 + k], c + i);
  barrier(CLK_LOCAL_MEM_FENCE);
}
