// What:    the derivative of a 3 x 3 convolution's kernels from transformed images and cotangents:
//          sums over a part of all tiles for each of the 36 places, turned back into 3 x 3 taps.
// Layouts: v and g as winograd_image.cl writes them, or images x [N][C][H][W] and cotangents g
//          [N][K][OH][OW] where a piece transforms its tiles itself (FUSED); out [parts][K][C][3][3].
//          What stands for one of the 36 places is followed by a line more, so that they do not meet
//          in one set of a cache.
// Parameters: NR kernels (a multiple of 16) in registers, summed over SUMMED tiles; a piece is
//          `wide` kernels x `deep` channels, with `span` tiles, or with `span` times `strip` rows of
//          tiles of `group` samples, `room` at most. The `workers`, of `size` numbers of scratch
//          each, take pieces in turn; `aside` numbers are for what is turned.
// Used by: the planner's CPU schedule of 3 x 3 convolutions (jairika_nb/engine/routines/winograd.py).

#ifndef NR
#define NR 32
#endif
#ifndef FUSED
#define FUSED 0
#endif
#ifndef SUMMED
#define SUMMED 36
#endif

// Sums of 8 channels with NR kernels over tiles, added to those of the tiles before.
inline void sums(
    global const float *v, global const float *g, global float *to, const int wide, const int tiles,
    const size_t apart, const bool is_first) {
  float16 sum[8][NR / 16];
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++) sum[i][j] = (float16)(0.0f);
  for (int t = 0; t < tiles; t++) {
    float16 row[NR / 16];
#pragma unroll
    for (int j = 0; j < NR / 16; j++) row[j] = vload16(t, g + j * apart);
#pragma unroll
    for (int i = 0; i < 8; i++) {
      const float16 one = (float16)(v[t * 16 + i]);
#pragma unroll
      for (int j = 0; j < NR / 16; j++) sum[i][j] = fma(one, row[j], sum[i][j]);
    }
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++)
      vstore16(is_first ? sum[i][j] : sum[i][j] + vload16(j, to + i * wide), j, to + i * wide);
}

// The taps of 16 kernels for 16 channels, from sums `place_m` apart, `wide` in a row.
inline void taps(
    global const float *from, const size_t place_m, const int wide, global float *to, const int C) {
  float16 found[16 * 9];
  for (int c = 0; c < 16; c++) {
    float16 middle[18];
#pragma unroll
    for (int j = 0; j < 6; j++) {
      float16 column[6];
#pragma unroll
      for (int i = 0; i < 6; i++)
        column[i] = vload16(0, from + (i * 6 + j) * place_m + c * wide);
      back(column, middle + j, 1, 6, false);
    }
#pragma unroll
    for (int i = 0; i < 3; i++) back(middle + i * 6, found + c * 9 + i * 3, 1, 1, false);
  }
  for (int part = 0; part < 9; part++) {
    transpose16(found + part * 16);
#pragma unroll
    for (int k = 0; k < 16; k++) vstore16(found[part * 16 + k], part, to + (size_t)k * C * 9);
  }
}

kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, global const float *restrict g,
    global float *restrict scratch, volatile global int *counter, const int C, const int K,
    const int OH, const int OW, const int TH, const int TW, const int N, const int H, const int W,
    const int above, const int before, const int room, const int strip, const int group,
    const int span, const int wide, const int deep, const int aside, const int size,
    const int pieces, const int workers) {
  const int worker = atomic_inc(counter + 1);
  const size_t place_m = deep * wide + 16, apart = (size_t)room * 16;
  const size_t place_v = (size_t)(FUSED ? deep : C) * room + 16;
  const size_t place_u = (size_t)(FUSED ? wide : K) * room + 16;
  global float *rows = scratch + (size_t)worker * size, *m = rows + aside;
  global float *v = m + 36 * place_m, *u = v + 36 * place_v;
  const int columns = (K + wide - 1) / wide, lines = (C + deep - 1) / deep;
  const int strips = (TH + strip - 1) / strip;
  const int all = FUSED ? (N + group - 1) / group * strips : N * TH * TW;
  while (worker < workers) {
    const int piece = atomic_inc(counter + 2);
    if (piece >= pieces) break;
    const int k = piece % columns * wide, kernels = min(wide, K - k);
    const int c = piece / columns % lines * deep, channels = min(deep, C - c);
    const int part = piece / columns / lines, end = min((part + 1) * span, all);
    for (int i = part * span; i < end; i += FUSED ? 1 : span) {
      global const float *images = x + c * (size_t)room + i * 16;
      global const float *cotangents = g + k * (size_t)room + i * 16;
      int many = end - i;
      if (FUSED) {
        const int top = i % strips * strip, low = min(top + strip, TH), tiles = (low - top) * TW;
        const int sample = i / strips * group, samples = min(group, N - sample);
        for (int s = 0; s < samples; s++) {
          for (int b = 0; b < channels; b += 16)
            tiles_of(x + ((size_t)(sample + s) * C + c + b) * H * W, rows,
                     v + b * room + s * tiles * 16, place_v, H, W, TW, top, low, above, before, 6);
          for (int b = 0; b < kernels; b += 16)
            tiles_of(g + ((size_t)(sample + s) * K + k + b) * OH * OW, rows,
                     u + b * room + s * tiles * 16, place_u, OH, OW, TW, top, low, 0, 0, 4);
        }
        images = v;
        cotangents = u;
        many = samples * tiles;
      }
      for (int f = 0; f < 36; f++)
        for (int t = 0; t < many; t += SUMMED)
          for (int j = 0; j < kernels; j += NR)
            for (int b = 0; b < channels; b += 8)
              sums(images + f * place_v + b / 16 * apart + t * 16 + b % 16,
                   cotangents + f * place_u + j / 16 * apart + t * 16,
                   m + f * place_m + b * wide + j, wide, min(SUMMED, many - t), apart,
                   i == part * span && t == 0);
    }
    for (int b = 0; b < channels; b += 16)
      for (int j = 0; j < kernels; j += 16)
        taps(m + b * wide + j, place_m, wide, out + (((size_t)part * K + k + j) * C + c + b) * 9, C);
  }
  if (atomic_inc(counter + 3) == (int)get_global_size(0) - 1)
    counter[1] = counter[2] = counter[3] = 0;
}
