// What:    the outputs of a 3 x 3 convolution from transformed images: a product of matrices for
//          each of the 36 places, the kernels transformed on the way, the results turned back.
// Layouts: v as winograd_image.cl writes it, or x [N][C][H][W] where a piece transforms its tiles
//          itself (FUSED); w [K][C][3][3], or [C][K][3][3] seen from the other
//          side (FLIPPED); out [N][K][OH][OW].
// Parameters: NR outputs (a multiple of 16) x TILES tiles at a time, CHUNK channels at a time; a
//          work-item takes `each` pieces. Fused ones are `strip` rows of tiles of `group` samples.
// Used by: the planner's CPU schedule of 3 x 3 convolutions (jairika_nb/engine/routines/winograd.py).

#ifndef NR
#define NR 32
#endif
#ifndef TILES
#define TILES 64
#endif
#ifndef CHUNK
#define CHUNK 64
#endif
#ifndef FUSED
#define FUSED 0
#endif

// The transformed kernels of a chunk: [36][CHUNK][NR].
inline void kernels(
    global const float *w, const int first_k, const int first_c, const int many, const int K,
    const int C, global float *found, global float *to) {
  for (int j = 0; j < NR; j += 16) {
    lay_taps(w, first_k + j, first_c, many, K, C, found + j);
    for (int c = 0; c < many; c++) {
      float16 tap[9], middle[18], done[6];
#pragma unroll
      for (int i = 0; i < 9; i++) tap[i] = vload16(0, found + (i * CHUNK + c) * NR + j);
#pragma unroll
      for (int i = 0; i < 3; i++)
        of_factor(tap[i], tap[3 + i], tap[6 + i], V(0.0f), false, middle + i, 3);
#pragma unroll
      for (int i = 0; i < 6; i++) {
        of_factor(middle[i * 3], middle[i * 3 + 1], middle[i * 3 + 2], V(0.0f), false, done, 1);
#pragma unroll
        for (int f = 0; f < 6; f++)
          vstore16(done[f], 0, to + ((size_t)(i * 6 + f) * CHUNK + c) * NR + j);
      }
    }
  }
}

// 8 tiles' sums over a chunk of channels, added to those of the chunks before.
inline void sums(
    global const float *v, global const float *u, global float *to, const int many,
    const size_t apart, const bool is_first) {
  float16 sum[8][NR / 16];
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++)
      sum[i][j] = is_first ? (float16)(0.0f) : vload16(j, to + i * NR);
  for (int block = 0; block < many; block += 16) {
    for (int c = 0; c < 16; c++) {
      float16 row[NR / 16];
#pragma unroll
      for (int j = 0; j < NR / 16; j++) row[j] = vload16(j, u + c * NR);
#pragma unroll
      for (int i = 0; i < 8; i++) {
        const float16 one = (float16)(v[i * 16 + c]);
#pragma unroll
        for (int j = 0; j < NR / 16; j++) sum[i][j] = fma(one, row[j], sum[i][j]);
      }
    }
    v += apart;
    u += 16 * NR;
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++) vstore16(sum[i][j], j, to + i * NR);
}

// The 4 x 4 outputs of a tile for 16 kernels, from sums TILES * NR apart.
inline void outputs(
    global const float *from, global float *to, const int h, const int w, const int OH,
    const int OW) {
  float16 middle[24], done[16];
#pragma unroll
  for (int j = 0; j < 6; j++) {
    float16 column[6];
#pragma unroll
    for (int i = 0; i < 6; i++) column[i] = vload16(0, from + (size_t)(i * 6 + j) * TILES * NR);
    back(column, middle + j, 1, 6, true);
  }
#pragma unroll
  for (int i = 0; i < 4; i++) back(middle + i * 6, done + i * 4, 1, 1, true);
  transpose16(done);
  const size_t plane = (size_t)OH * OW;
  to += (size_t)h * OW + w;
  if (OW == 4 && h + 4 <= OH) {
    for (int k = 0; k < 16; k++) vstore16(done[k], 0, to + k * plane);
  } else if (h + 4 <= OH && w + 4 <= OW) {
#pragma unroll
    for (int k = 0; k < 16; k++) {
      vstore4(done[k].lo.lo, 0, to + k * plane);
      vstore4(done[k].lo.hi, 0, to + k * plane + OW);
      vstore4(done[k].hi.lo, 0, to + k * plane + 2 * OW);
      vstore4(done[k].hi.hi, 0, to + k * plane + 3 * OW);
    }
  } else {
    for (int k = 0; k < 16; k++) {
      float each[16];
      vstore16(done[k], 0, each);
      for (int i = 0; i < min(4, OH - h); i++)
        for (int j = 0; j < min(4, OW - w); j++) to[k * plane + i * OW + j] = each[i * 4 + j];
    }
  }
}

// The sums of a piece of `tiles` tiles for NR kernels, all channels: [36][TILES][NR].
inline void piece_sums(
    global const float *v, global const float *w, global float *u, global float *m, const int k,
    const int C, const int K, const int tiles, const size_t apart) {
  for (int c = 0; c < C; c += CHUNK) {
    const int channels = min(CHUNK, C - c);
    kernels(w, k, c, channels, K, C, m + 36 * NR * TILES, u);
    for (int f = 0; f < 36; f++)
      for (int t = 0; t < tiles; t += 8)
        sums(v + ((size_t)f * (C / 16) + c / 16) * apart + t * 16, u + f * CHUNK * NR,
             m + (f * TILES + t) * NR, channels, apart, c == 0);
  }
}

#if FUSED
kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, global const float *restrict w,
    global float *restrict scratch, const int C, const int K, const int OH, const int OW,
    const int TH, const int TW, const int N, const int H, const int W, const int above,
    const int before, const int strip, const int group, const int size, const int pieces,
    const int each) {
  global float *u = scratch + (size_t)get_global_id(0) * size;
  global float *m = u + 36 * NR * CHUNK, *v = m + 36 * NR * TILES + 9 * NR * CHUNK;
  global float *rows = v + (size_t)36 * C * TILES;
  const int end = min((int)(get_global_id(0) + 1) * each, pieces);
  const int strips = (TH + strip - 1) / strip, blocks = C / 16;
  for (int piece = get_global_id(0) * each; piece < end; piece++) {
    const int top = piece % strips * strip, low = min(top + strip, TH), many = (low - top) * TW;
    const int sample = piece / strips * group, samples = min(group, N - sample);
    for (int s = 0; s < samples; s++)
      for (int b = 0; b < blocks; b++)
        tiles_of(x + ((size_t)(sample + s) * blocks + b) * 16 * H * W, rows,
                 v + ((size_t)b * TILES + s * many) * 16, (size_t)blocks * TILES * 16, H, W, TW, top,
                 low, above, before, 6);
    for (int k = 0; k < K; k += NR) {
      piece_sums(v, w, u, m, k, C, K, samples * many, TILES * 16);
      for (int t = 0; t < samples * many; t++) {
        const int place = top * TW + t % many;
        for (int j = 0; j < NR; j += 16)
          outputs(m + t * NR + j, out + ((size_t)(sample + t / many) * K + k + j) * OH * OW,
                  place / TW * 4, place % TW * 4, OH, OW);
      }
    }
  }
}
#else
kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict v, global const float *restrict w,
    global float *restrict scratch, const int C, const int K, const int OH, const int OW,
    const int TH, const int TW, const int many, const int room, const int pieces, const int each) {
  global float *u = scratch + (size_t)get_global_id(0) * NR * (45 * CHUNK + 36 * TILES);
  global float *m = u + 36 * NR * CHUNK;
  const int end = min((int)(get_global_id(0) + 1) * each, pieces), columns = K / NR;
  for (int piece = get_global_id(0) * each; piece < end; piece++) {
    const int k = piece % columns * NR, first = piece / columns * TILES;
    const int tiles = min(TILES, many - first);
    piece_sums(v + first * 16, w, u, m, k, C, K, tiles, (size_t)room * 16);
    for (int t = 0; t < tiles; t++) {
      const int tile = first + t, sample = tile / (TH * TW), place = tile % (TH * TW);
      for (int j = 0; j < NR; j += 16)
        outputs(m + t * NR + j, out + ((size_t)sample * K + k + j) * OH * OW, place / TW * 4,
                place % TW * 4, OH, OW);
    }
  }
}
#endif
