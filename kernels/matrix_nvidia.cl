// What:    NVIDIA's tensor cores: one instruction makes 16 x 8 sums of 16 x 8 and 8 x 8 words, each
//          two numbers of 16 bits along k or one of 32, and what each of its 32 work-items has.
// Layouts: with g = lane / 4 and p = lane % 4, the words (g, p), (g + 8, p), (g, p + 4),
//          (g + 8, p + 4) of the left operand, (g, p), (g, p + 4) of the right one, whose lines are
//          columns, and the sums (g, 2p), (g, 2p + 1), (g + 8, 2p), (g + 8, 2p + 1).
// Source:  PTX ISA, mma.m16n8k16 and mma.m16n8k8.
// Parameters: UNIT_TYPE is f16, bf16 or tf32, UNIT_NAME the instruction's shape; EMULATED whether
//          `multiply` comes from matrix_emulated.cl instead.
// Used by: gemm_matrix.cl, and the probe of jairika_nb/engine/matrix_units.py.

#ifndef EMULATED
#define EMULATED 0
#endif

inline int left_row(const int lane, const int i) { return lane / 4 + i % 2 * 8; }
inline int left_word(const int lane, const int i) { return lane % 4 + i / 2 * 4; }
inline int right_column(const int lane, const int i) { return lane / 4; }
inline int right_word(const int lane, const int i) { return lane % 4 + i * 4; }
inline int sum_row(const int lane, const int i) { return lane / 4 + i / 2 * 8; }
inline int sum_column(const int lane, const int i) { return lane % 4 * 2 + i % 2; }

#if !EMULATED
inline void multiply(const uint *a, const uint *b, float *c, local uint *words) {
  __asm__ volatile("mma.sync.aligned.UNIT_NAME.row.col.f32.UNIT_TYPE.UNIT_TYPE.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif
