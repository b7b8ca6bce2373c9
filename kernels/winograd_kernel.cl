// What:    the derivative of a 3 x 3 convolution's kernels from transformed images and cotangents:
//          sums over a part of all tiles for each of the 36 places, turned back into 3 x 3 taps.
// Layouts: v and g as winograd_image.cl writes them, or images x [N][C][H][W] and cotangents g
//          [N][K][OH][OW] where a piece transforms its tiles itself (FUSED); out [parts][K][C][3][3].
// Parameters: NR kernels (a multiple of 16) x CHANNELS (one of 16) a piece, with `span` tiles a
//          part, or with `span` times `strip` rows of tiles of `group` samples, TILES at most;
//          a work-item takes `each` pieces and keeps their sums in `scratch`.
// Used by: the planner's CPU schedule of 3 x 3 convolutions (jairika_nb/engine/routines/winograd.py).

#ifndef NR
#define NR 32
#endif
#ifndef CHANNELS
#define CHANNELS 64
#endif
#ifndef TILES
#define TILES 64
#endif
#ifndef FUSED
#define FUSED 0
#endif

// Sums of 8 channels with NR kernels over tiles, added to those of the tiles before.
inline void sums(
    global const float *v, global const float *g, global float *to, const int tiles,
    const size_t apart, const bool is_first) {
  float16 sum[8][NR / 16];
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++)
      sum[i][j] = is_first ? (float16)(0.0f) : vload16(j, to + i * NR);
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
    for (int j = 0; j < NR / 16; j++) vstore16(sum[i][j], j, to + i * NR);
}

// The taps of 16 kernels for 16 channels, from sums CHANNELS * NR apart.
inline void taps(global const float *from, global float *to, const int C) {
  float16 found[16 * 9];
  for (int c = 0; c < 16; c++) {
    float16 middle[18];
#pragma unroll
    for (int j = 0; j < 6; j++) {
      float16 column[6];
#pragma unroll
      for (int i = 0; i < 6; i++)
        column[i] = vload16(0, from + ((size_t)(i * 6 + j) * CHANNELS + c) * NR);
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

#if FUSED
kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, global const float *restrict g,
    global float *restrict scratch, const int C, const int K, const int OH, const int OW,
    const int TH, const int TW, const int N, const int H, const int W, const int above,
    const int before, const int strip, const int group, const int span, const int size,
    const int pieces, const int each) {
  global float *m = scratch + (size_t)get_global_id(0) * size;
  global float *v = m + 36 * NR * CHANNELS, *u = v + 36 * TILES * CHANNELS;
  global float *rows = u + 36 * TILES * NR;
  const int end = min((int)(get_global_id(0) + 1) * each, pieces);
  const int columns = K / NR, lines = (C + CHANNELS - 1) / CHANNELS;
  const int strips = (TH + strip - 1) / strip, all = (N + group - 1) / group * strips;
  for (int piece = get_global_id(0) * each; piece < end; piece++) {
    const int k = piece % columns * NR, c = piece / columns % lines * CHANNELS;
    const int part = piece / columns / lines, channels = min(CHANNELS, C - c);
    for (int i = part * span; i < min((part + 1) * span, all); i++) {
      const int top = i % strips * strip, low = min(top + strip, TH), many = (low - top) * TW;
      const int sample = i / strips * group, samples = min(group, N - sample);
      for (int s = 0; s < samples; s++) {
        for (int b = 0; b < channels; b += 16)
          tiles_of(x + ((size_t)(sample + s) * C + c + b) * H * W, rows,
                   v + ((size_t)b * TILES + s * many * 16), (size_t)CHANNELS * TILES, H, W, TW, top,
                   low, above, before, 6);
        for (int b = 0; b < NR; b += 16)
          tiles_of(g + ((size_t)(sample + s) * K + k + b) * OH * OW, rows,
                   u + ((size_t)b * TILES + s * many * 16), (size_t)NR * TILES, OH, OW, TW, top, low,
                   0, 0, 4);
      }
      for (int f = 0; f < 36; f++)
        for (int b = 0; b < channels; b += 8)
          sums(v + ((size_t)f * CHANNELS + b / 16 * 16) * TILES + b % 16, u + f * NR * TILES,
               m + (f * CHANNELS + b) * NR, samples * many, TILES * 16, i == part * span);
    }
    for (int i = 0; i < channels; i += 16)
      for (int j = 0; j < NR; j += 16)
        taps(m + i * NR + j, out + (((size_t)part * K + k + j) * C + c + i) * 9, C);
  }
}
#else
kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict v, global const float *restrict g,
    global float *restrict scratch, const int C, const int K, const int many, const int room,
    const int span, const int pieces, const int each) {
  global float *m = scratch + (size_t)get_global_id(0) * 36 * NR * CHANNELS;
  const int end = min((int)(get_global_id(0) + 1) * each, pieces);
  const int columns = K / NR, rows = (C + CHANNELS - 1) / CHANNELS;
  const size_t apart = (size_t)room * 16;
  for (int piece = get_global_id(0) * each; piece < end; piece++) {
    const int k = piece % columns * NR, c = piece / columns % rows * CHANNELS;
    const int part = piece / columns / rows, first = part * span, channels = min(CHANNELS, C - c);
    const int tiles = min(span, many - first);
    for (int f = 0; f < 36; f++)
      for (int i = 0; i < channels; i += 8)
        sums(v + ((size_t)f * (C / 16) + (c + i) / 16) * apart + first * 16 + i % 16,
             g + ((size_t)f * (K / 16) + k / 16) * apart + first * 16,
             m + (f * CHANNELS + i) * NR, tiles, apart, true);
    for (int i = 0; i < channels; i += 16)
      for (int j = 0; j < NR; j += 16)
        taps(m + i * NR + j, out + (((size_t)part * K + k + j) * C + c + i) * 9, C);
  }
}
#endif
