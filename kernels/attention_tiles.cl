// What:    pieces that attention and its derivative are made of: tiles of products in registers,
//          and 32 rows of a matrix turned so that rows are lanes.
// Layouts: a panel is [K][32]; rows of matrices lie `stride` apart, their elements side by side.
// Parameters: MASKED, MASK_TYPE and DROPOUT as in attention.cl.
// Used by: attention.cl and attention_back.cl, before their own text
//          (jairika_nb/engine/routines/attention.py).

#ifndef MASKED
#define MASKED 0
#endif

// exp of what a score is less than its row's largest, or than the logarithm of the row's sum.
inline float16 weight(const float16 score) { return exp2_near(score * M_LOG2E_F); }

inline void clear8(float16 sum[8][2]) {
#pragma unroll
  for (int i = 0; i < 8; i++) sum[i][0] = sum[i][1] = (float16)(0.0f);
}

// sum[i][lanes] += over k of a[i][k * inner] * panel[k * width + lanes]
inline void tile8(
    float16 sum[8][2], global const float *a[8], const long inner, global const float *panel,
    const int width, const int K) {
  for (int k = 0; k < K; k++) {
    const float16 low = vload16(0, panel + k * width), high = vload16(1, panel + k * width);
#pragma unroll
    for (int i = 0; i < 8; i++) {
      const float16 one = (float16)(a[i][k * inner]);
      sum[i][0] = fma(one, low, sum[i][0]);
      sum[i][1] = fma(one, high, sum[i][1]);
    }
  }
}

// total[c][lanes] = factor * total[c][lanes] + over k of x[k * stride + c] * panel[k][lanes]
inline void gather(
    global float *total, global const float *x, const long stride, const int columns,
    global const float *panel, const int K, const float16 low_factor, const float16 high_factor) {
  int c = 0;
  for (; c + 8 <= columns; c += 8) {
    float16 sum[8][2];
#pragma unroll
    for (int i = 0; i < 8; i++) {
      sum[i][0] = vload16(2 * (c + i), total) * low_factor;
      sum[i][1] = vload16(2 * (c + i) + 1, total) * high_factor;
    }
    global const float *at = x + c;
    for (int k = 0; k < K; k++, at += stride) {
      const float16 low = vload16(2 * k, panel), high = vload16(2 * k + 1, panel);
#pragma unroll
      for (int i = 0; i < 8; i++) {
        const float16 one = (float16)(at[i]);
        sum[i][0] = fma(one, low, sum[i][0]);
        sum[i][1] = fma(one, high, sum[i][1]);
      }
    }
#pragma unroll
    for (int i = 0; i < 8; i++) {
      vstore16(sum[i][0], 2 * (c + i), total);
      vstore16(sum[i][1], 2 * (c + i) + 1, total);
    }
  }
  for (; c < columns; c++) {
    float16 low = vload16(2 * c, total) * low_factor, high = vload16(2 * c + 1, total) * high_factor;
    for (int k = 0; k < K; k++) {
      const float16 one = (float16)(x[k * stride + c]);
      low = fma(one, vload16(2 * k, panel), low);
      high = fma(one, vload16(2 * k + 1, panel), high);
    }
    vstore16(low, 2 * c, total);
    vstore16(high, 2 * c + 1, total);
  }
}

// Rows of a 16 x 16 block become its columns: four rounds take even and odd elements apart.
inline void turn16(float16 *row) {
#pragma unroll
  for (int round = 0; round < 4; round++) {
    float16 next[16];
#pragma unroll
    for (int i = 0; i < 8; i++) {
      next[i] = (float16)(row[2 * i].even, row[2 * i + 1].even);
      next[i + 8] = (float16)(row[2 * i].odd, row[2 * i + 1].odd);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) row[i] = next[i];
  }
}

// panel[e][i] = factor * x[i][e] for 32 rows i, zeros from `rows` on
inline void turned(
    global float *panel, global const float *x, const int rows, const long stride,
    const int columns, const float factor) {
  for (int side = 0; side < 32; side += 16) {
    int e = 0;
    if (rows >= side + 16)
      for (; e + 16 <= columns; e += 16) {
        float16 block[16];
#pragma unroll
        for (int i = 0; i < 16; i++) block[i] = vload16(0, x + (side + i) * stride + e) * factor;
        turn16(block);
#pragma unroll
        for (int i = 0; i < 16; i++) vstore16(block[i], 0, panel + (e + i) * 32 + side);
      }
    for (; e < columns; e++)
      for (int i = side; i < side + 16; i++)
        panel[e * 32 + i] = i < rows ? x[i * stride + e] * factor : 0.0f;
  }
}

// x[i][c] = factor[i] * panel[c][i] for `rows` rows i; the panel is spent
inline void turned_back(
    global float *x, global float *panel, const int rows, const long stride, const int columns,
    const float16 low_factor, const float16 high_factor) {
  for (int side = 0; side < 32 && side < rows; side += 16) {
    const float16 factor = side ? high_factor : low_factor;
    int c = 0;
    if (rows >= side + 16)
      for (; c + 16 <= columns; c += 16) {
        float16 block[16];
#pragma unroll
        for (int i = 0; i < 16; i++) block[i] = vload16(0, panel + (c + i) * 32 + side) * factor;
        turn16(block);
#pragma unroll
        for (int i = 0; i < 16; i++) vstore16(block[i], 0, x + (side + i) * stride + c);
      }
    for (; c < columns; c++) {
      vstore16(vload16(0, panel + c * 32 + side) * factor, 0, panel + c * 32 + side);
      for (int i = side; i < min(side + 16, rows); i++) x[i * stride + c] = panel[c * 32 + i];
    }
  }
}

#if MASKED
#if MASKED == 1
#define SEEN(m) ((m) != 0 ? 1.0f : 0.0f)
#define SEEN16(m) ((convert_int16(m) != 0) ? (float16)(1.0f) : (float16)(0.0f))
#else
#define SEEN(m) (m)
#define SEEN16(m) (m)
#endif
#define MASK16(p) SEEN16(vload16(0, p))

// The masks of 16 lanes, `step` apart, of which `lanes` count; the others are as the last one.
inline float16 mask_lanes(global const MASK_TYPE *mask, const long step, const int lanes) {
  if (step == 1 && lanes >= 16) return MASK16(mask);
  if (step == 0 || lanes < 1) return (float16)(SEEN(mask[0]));
  float values[16];
  for (int l = 0; l < 16; l++) values[l] = SEEN(mask[min(l, lanes - 1) * step]);
  return vload16(0, values);
}

// panel[j][i] = the mask of query i and key j, for 32 queries of which `rows` count, `keys` keys
inline void mask_panel(
    global float *panel, global const MASK_TYPE *mask, const int rows, const int keys,
    const long row, const long column) {
  for (int side = 0; side < 32; side += 16) {
    int j = 0;
    if (column == 1 && row != 0)
      for (; j + 16 <= keys; j += 16) {
        float16 block[16];
#pragma unroll
        for (int i = 0; i < 16; i++) block[i] = MASK16(mask + min(side + i, rows - 1) * row + j);
        turn16(block);
#pragma unroll
        for (int i = 0; i < 16; i++) vstore16(block[i], 0, panel + (j + i) * 32 + side);
      }
    global const MASK_TYPE *from = mask + min(side, rows - 1) * row;
    for (; j < keys; j++)
      vstore16(mask_lanes(from + j * column, row, rows - side), 0, panel + j * 32 + side);
  }
}

// A score where its mask lets it through.
inline float16 masked(const float16 score, const float16 mask) {
#if MASKED == 1
  return mask != 0.0f ? score : (float16)(-INFINITY);
#else
  return score + mask;
#endif
}
#endif

#if DROPOUT
// What dropout multiplies a probability with, by its word of Philox.
inline float16 factor_of(const uint16 word, const float keep) {
  return convert_float16(word >> 8) * 0x1p-24f < keep ? (float16)(1 / keep) : (float16)(0.0f);
}

// All four words of blocks of Philox 4x32-10, of which philox16 gives one.
inline void words4(
    uint16 words[4], const uint16 block, const uint k0, const uint k1, const uint call) {
  uint16 c0 = block, c1 = (uint16)(0), c2 = (uint16)(call), c3 = (uint16)(0);
  uint key0 = k0, key1 = k1;
  for (int round = 0; round < 10; round++) {
    const uint16 h0 = mul_hi((uint16)(0xD2511F53u), c0), l0 = c0 * 0xD2511F53u;
    const uint16 h1 = mul_hi((uint16)(0xCD9E8D57u), c2), l1 = c2 * 0xCD9E8D57u;
    c0 = h1 ^ c1 ^ key0;
    c1 = l1;
    c2 = h0 ^ c3 ^ key1;
    c3 = l0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

// Factors of `many` elements from number `at` on for each of 16 lanes `step` apart, 32 floats apart.
inline void factors_along(
    global float *factor, const uint at, const uint step, const int many, const float keep,
    const uint k0, const uint k1, const uint call) {
  const uint16 lane = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) * step + at;
  if (at % 4 == 0 && step % 4 == 0) {
    for (int j = 0; j < many; j += 4) {
      uint16 words[4];
      words4(words, (lane + (uint)j) >> 2, k0, k1, call);
#pragma unroll
      for (int i = 0; i < 4; i++) vstore16(factor_of(words[i], keep), 0, factor + (j + i) * 32);
    }
    return;
  }
  for (int j = 0; j < many; j++)
    vstore16(factor_of(philox16(lane + (uint)j, k0, k1, call), keep), 0, factor + j * 32);
}

// Factors of 16 elements from number `at` on, and of 7 more rows `step` apart, 32 floats apart.
inline void factors_across(
    global float *factor, const uint at, const uint step, const float keep, const uint k0,
    const uint k1, const uint call) {
  const uint16 lane = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  if (at % 4 == 0 && step % 4 == 0) {
    for (int r = 0; r < 8; r += 4) {
      uint16 words[4];
      words4(words, (at + (r + (lane >> 2)) * step) / 4 + (lane & 3), k0, k1, call);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        uint4 part[4];
#pragma unroll
        for (int w = 0; w < 4; w++) {
          const uint8 two = i < 2 ? words[w].lo : words[w].hi;
          part[w] = i % 2 ? two.hi : two.lo;
        }
        // Words of four blocks each: twice even before odd puts a block's words side by side.
        uint16 row = (uint16)(part[0], part[1], part[2], part[3]);
        row = (uint16)(row.even, row.odd);
        row = (uint16)(row.even, row.odd);
        vstore16(factor_of(row, keep), 0, factor + (r + i) * 32);
      }
    }
    return;
  }
  for (int r = 0; r < 8; r++)
    vstore16(factor_of(philox16(lane + at + r * step, k0, k1, call), keep), 0, factor + r * 32);
}
#endif
