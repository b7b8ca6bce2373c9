// What:    pieces that attention and its derivatives are made of on a GPU. A work-group has ROWS rows,
//          its own, and goes through the rows of the other side COLUMNS at a time.
// Layouts: 16 x 8 work-items, x first; each has HIGH rows of the group's and, of scores, four columns
//          that lie side by side; of sums PARTS vectors. Weights are [ROWS][COLUMNS + 4] in local
//          memory; `space` holds [DEPTH][ROWS + 4] and [DEPTH][COLUMNS + 4], or [DEPTH][WIDTH].
// Parameters: HIGH 4 or 8; WIDTH columns of sums, a multiple of 32 up to 128; MASKED, MASK_TYPE,
//          CAUSAL and DROPOUT as in attention.cl.
// Used by: attention_group.cl and attention_group_back.cl, before their own text
//          (jairika_nb/engine/routines/attention_group.py).

#ifndef HIGH
#define HIGH 8
#endif
#ifndef WIDTH
#define WIDTH 64
#endif
// What is given arrays must be part of the kernel, where they are registers.
#define INLINED static inline __attribute__((always_inline))
#define THREADS 128
#define ROWS (8 * HIGH)
#define COLUMNS 64
#define DEPTH 16
#define LINE ((COLUMNS + 4) / 4)
#define SPACE (DEPTH * (64 + COLUMNS + 8) / 4)
#if WIDTH % 64 == 0
#define VECTOR float4
#define LANES 4
#define VSTORE vstore4
#else
#define VECTOR float2
#define LANES 2
#define VSTORE vstore2
#endif
#define PARTS (WIDTH / 16 / LANES)
#define X (int)(get_local_id(0) % 16)
#define Y (int)(get_local_id(0) / 16 * HIGH)

// Four neighbours, zeros from `many` on.
inline float4 four(global const float *x, const int many) {
  if (many >= 4) return (uintptr_t)x % 16 ? vload4(0, x) : *(global const float4 *)x;
  return (float4)(many > 0 ? x[0] : 0.0f, many > 1 ? x[1] : 0.0f, many > 2 ? x[2] : 0.0f, 0.0f);
}

// tile[c][r] = x[r][c] for `lines` rows and DEPTH columns, zeros beyond `rows` and `columns`
inline void put_turned(
    local float *tile, const int lines, global const float *x, const long stride, const int rows,
    const int columns) {
  for (int i = get_local_id(0); i < lines * (DEPTH / 4); i += THREADS) {
    const int r = i / (DEPTH / 4), c = i % (DEPTH / 4) * 4;
    const float4 found = r < rows ? four(x + r * stride + c, columns - c) : (float4)(0.0f);
    local float *at = tile + c * (lines + 4) + r;
    at[0] = found.x;
    at[lines + 4] = found.y;
    at[2 * (lines + 4)] = found.z;
    at[3 * (lines + 4)] = found.w;
  }
}

// sum[i][lanes] = over c < size of own[i][c] * other[lanes][c]
INLINED void products(
    float4 sum[HIGH], local float4 *space, global const float *own, const long own_row,
    const int rows, global const float *other, const long other_row, const int columns,
    const int size) {
  local float4 *left = space, *right = space + DEPTH * (ROWS + 4) / 4;
#pragma unroll
  for (int i = 0; i < HIGH; i++) sum[i] = (float4)(0.0f);
  for (int c = 0; c < size; c += DEPTH) {
    barrier(CLK_LOCAL_MEM_FENCE);
    put_turned((local float *)left, ROWS, own + c, own_row, rows, size - c);
    put_turned((local float *)right, COLUMNS, other + c, other_row, columns, size - c);
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 4
    for (int k = 0; k < DEPTH; k++) {
      const float4 b = right[k * LINE + X];
#pragma unroll
      for (int i = 0; i < HIGH; i += 4) {
        const float4 a = left[(k * (ROWS + 4) + Y + i) / 4];
        sum[i] = fma((float4)(a.x), b, sum[i]);
        sum[i + 1] = fma((float4)(a.y), b, sum[i + 1]);
        sum[i + 2] = fma((float4)(a.z), b, sum[i + 2]);
        sum[i + 3] = fma((float4)(a.w), b, sum[i + 3]);
      }
    }
  }
}

// total[i][c] += over k < rows of weights[i][k] * x[k][c], up to COLUMNS rows
INLINED void gather(
    VECTOR total[HIGH][PARTS], local const float4 *weights, local float4 *space,
    global const float *x, const long stride, const int rows, const int columns) {
  local const VECTOR *panel = (local const VECTOR *)space;
  for (int first = 0; first < rows; first += DEPTH) {
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = get_local_id(0); i < DEPTH * WIDTH / 4; i += THREADS) {
      const int r = first + i / (WIDTH / 4), c = i % (WIDTH / 4) * 4;
      space[i] = r < rows ? four(x + r * stride + c, columns - c) : (float4)(0.0f);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < DEPTH; k += 4) {
      VECTOR b[4][PARTS];
#pragma unroll
      for (int j = 0; j < 4; j++)
#pragma unroll
        for (int p = 0; p < PARTS; p++) b[j][p] = panel[((k + j) * PARTS + p) * 16 + X];
#pragma unroll
      for (int i = 0; i < HIGH; i++) {
        const float4 a = weights[(Y + i) * LINE + (first + k) / 4];
#pragma unroll
        for (int p = 0; p < PARTS; p++) {
          total[i][p] = fma((VECTOR)(a.x), b[0][p], total[i][p]);
          total[i][p] = fma((VECTOR)(a.y), b[1][p], total[i][p]);
          total[i][p] = fma((VECTOR)(a.z), b[2][p], total[i][p]);
          total[i][p] = fma((VECTOR)(a.w), b[3][p], total[i][p]);
        }
      }
    }
  }
}

INLINED void clear(VECTOR total[HIGH][PARTS]) {
#pragma unroll
  for (int i = 0; i < HIGH; i++)
#pragma unroll
    for (int p = 0; p < PARTS; p++) total[i][p] = (VECTOR)(0.0f);
}

// x[i][c] = total[i][c] where there are such rows and columns
INLINED void store(
    global float *x, const long stride, VECTOR total[HIGH][PARTS], const int rows,
    const int columns) {
#pragma unroll
  for (int i = 0; i < HIGH; i++)
#pragma unroll
    for (int p = 0; p < PARTS; p++) {
      const int c = (p * 16 + X) * LANES;
      global float *at = x + (Y + i) * stride + c;
      float found[LANES];
      VSTORE(total[i][p], 0, found);
      for (int l = 0; l < LANES; l++)
        if (Y + i < rows && c + l < columns) at[l] = found[l];
    }
}

#if MASKED
#define SHADE , global const MASK_TYPE *mask, const long own_step, const long other_step
#define SHADED(own_step, other_step) , mask, own_step, other_step
#else
#define SHADE
#define SHADED(own_step, other_step)
#endif
// Scores of one own row with four of the other side where causality and masks let them through,
// minus infinity elsewhere; `for_keys` tells that own rows are keys.
inline float4 shown(
    float4 score, const int own, const int own_size, const int other, const int other_size,
    const int for_keys SHADE) {
  const int4 at = (int4)(0, 1, 2, 3) + other;
#if MASKED
  const int4 known = min(at, other_size - 1);
  global const MASK_TYPE *row = mask + min(own, own_size - 1) * own_step;
  const float4 shade = (float4)(row[known.x * other_step], row[known.y * other_step],
                                row[known.z * other_step], row[known.w * other_step]);
#if MASKED == 1
  score = shade != 0.0f ? score : (float4)(-INFINITY);
#else
  score += shade;
#endif
#endif
  if (CAUSAL) score = (for_keys ? own <= at : at <= own) ? score : (float4)(-INFINITY);
  return at < other_size ? score : (float4)(-INFINITY);
}

#if DROPOUT
#define DRAWN , keep, k0, k1, call
// All four words of a block of Philox 4x32-10.
inline uint4 words_of(const uint block, uint k0, uint k1, const uint call) {
  uint4 c = (uint4)(block, 0, call, 0);
  for (int round = 0; round < 10; round++) {
    const uint h0 = mul_hi(0xD2511F53u, c.x), h1 = mul_hi(0xCD9E8D57u, c.z);
    c = (uint4)(h1 ^ c.y ^ k0, c.z * 0xCD9E8D57u, h0 ^ c.w ^ k1, c.x * 0xD2511F53u);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// What dropout multiplies four probabilities with, from number `at` on.
inline float4 factors_from(
    const uint at, const float keep, const uint k0, const uint k1, const uint call) {
  uint4 w = words_of(at >> 2, k0, k1, call);
  if (at & 3) {
    const uint4 next = words_of((at + 3) >> 2, k0, k1, call);
    const uint shift = at & 3;
    w = shift == 1 ? (uint4)(w.yzw, next.x) : shift == 2 ? (uint4)(w.zw, next.xy)
                                                         : (uint4)(w.w, next.xyz);
  }
  return convert_float4(w >> 8) * 0x1p-24f < keep ? (float4)(1 / keep) : (float4)(0.0f);
}
#else
#define DRAWN
#endif

// factor[i] for rows from `own` on and four columns from `other` on, of a batch that has `keys` keys
INLINED void factors(
    float4 factor[4], const uint before, const int own, const int other, const int keys,
    const int for_keys DROPOUT_PARAMETERS) {
#if DROPOUT
  const uint query = before + (for_keys ? other : own), key = for_keys ? own : other;
  float4 f[4];
#pragma unroll
  for (int i = 0; i < 4; i++) f[i] = factors_from((query + i) * keys + key, keep, k0, k1, call);
  factor[0] = for_keys ? (float4)(f[0].x, f[1].x, f[2].x, f[3].x) : f[0];
  factor[1] = for_keys ? (float4)(f[0].y, f[1].y, f[2].y, f[3].y) : f[1];
  factor[2] = for_keys ? (float4)(f[0].z, f[1].z, f[2].z, f[3].z) : f[2];
  factor[3] = for_keys ? (float4)(f[0].w, f[1].w, f[2].w, f[3].w) : f[3];
#else
#pragma unroll
  for (int i = 0; i < 4; i++) factor[i] = (float4)(1.0f);
#endif
}
