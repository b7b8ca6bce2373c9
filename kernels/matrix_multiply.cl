// What:    one instruction of a matrix unit: 16 x 8 sums in float32 grow by a product of operands of
//          16 x 8 and 8 x 8 words, each two numbers of 16 bits along k (NARROW) or one of 32.
// Layouts: work-item i of 32, with g = i / 4 and p = i % 4, has the words (g, p), (g + 8, p),
//          (g, p + 4), (g + 8, p + 4) of the left operand, (g, p), (g, p + 4) of the right one, whose
//          lines are columns, and the sums (g, 2p), (g, 2p + 1), (g + 8, 2p), (g + 8, 2p + 1); so says
//          the PTX ISA of mma.m16n8k16 and mma.m16n8k8.
// Parameters: UNIT_TYPE is f16 (UNIT_IS_HALF), bf16 or tf32, UNIT_SHAPE the instruction's; EMULATED
//          whether it is done by hand, in 192 `words` of local memory for each 32 work-items.
// Used by: gemm_matrix.cl, and the probe of jairika_nb/engine/matrix_units.py.

#ifndef NARROW
#define NARROW 1
#endif
#ifndef EMULATED
#define EMULATED 0
#endif

#if EMULATED
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

// Operands go from their 32 owners to local memory, [16][8] and [8][8].
inline void multiply(const uint *a, const uint *b, float *c, local uint *words) {
  const int group = get_local_id(0) % 32 / 4, place = get_local_id(0) % 4;
  for (int i = 0; i < 4; i++) words[(group + i % 2 * 8) * 8 + place + i / 2 * 4] = a[i];
  for (int i = 0; i < 2; i++) words[128 + group * 8 + place + i * 4] = b[i];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < 4; i++) {
    const int row = group + i / 2 * 8, column = place * 2 + i % 2;
    for (int k = 0; k < 8; k++) add_word(words[row * 8 + k], words[128 + column * 8 + k], c + i);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}
#else
inline void multiply(const uint *a, const uint *b, float *c, local uint *words) {
  __asm__ volatile("mma.sync.aligned.UNIT_SHAPE.row.col.f32.UNIT_TYPE.UNIT_TYPE.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

