// What:    Intel's matrix engines: one instruction makes 8 x LANES sums of 8 x 8 and LANES x 8 words,
//          each two numbers of 16 bits along k (NARROW) or one of 32, and what each of the LANES
//          work-items of a sub-group has, which are 8 or 16 by the device.
// Layouts: a column of the right operand and one of sums. Of the left one a word of each row; of 16
//          work-items two share a word of 16 bits' numbers, and take its lower or its upper half,
//          or, with numbers of 32 bits, the first 8 have the even rows, the others the odd ones.
// Source:  cl_intel_subgroup_matrix_multiply_accumulate 1.1.0, and _tf32 1.0.0.
// Parameters: UNIT_NAME is the function; EMULATED whether `multiply` comes from matrix_emulated.cl.
// Used by: gemm_matrix.cl, and the probe of jairika_nb/engine/matrix_units.py.

#ifndef LANES
#define LANES 16
#endif
#ifndef NARROW
#define NARROW 1
#endif
#ifndef EMULATED
#define EMULATED 0
#endif

inline int left_row(const int lane, const int i) { return NARROW ? i : i * 2 + lane / 8; }
inline int left_word(const int lane, const int i) { return NARROW ? lane * 8 / LANES : lane % 8; }
inline int right_column(const int lane, const int i) { return lane; }
inline int right_word(const int lane, const int i) { return i; }
inline int sum_row(const int lane, const int i) { return i; }
inline int sum_column(const int lane, const int i) { return lane; }

#if !EMULATED
inline void multiply(const uint *a, const uint *b, float *c, local uint *words) {
#if !NARROW
  const float4 left = as_float4(vload4(0, a));
  const float8 right = as_float8(vload8(0, b));
#elif LANES == 8
  const int8 left = as_int8(vload8(0, a)), right = as_int8(vload8(0, b));
#else
  const uint8 both = vload8(0, a);
  const short8 left = as_short8(convert_ushort8((get_local_id(0) % 2 ? both >> 16 : both) & 0xFFFFu));
  const int8 right = as_int8(vload8(0, b));
#endif
  vstore8(UNIT_NAME(left, right, vload8(0, c)), 0, c);
}
#endif
