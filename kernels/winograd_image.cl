// What:    the tiles of images after Winograd's transform: 6 x 6 of every 4 x 4 outputs, or those
//          of the 4 x 4 cotangents themselves where a kernel's derivative is wanted.
// Layouts: x [N][C][H][W], C a multiple of 16; out [36][C / 16][room][16], tiles in the order of
//          samples, rows and columns, `room` a multiple of 8 of which the rest is never set, and
//          16 numbers more after each of the 36, so that they do not meet in one set of a cache.
// Parameters: TAKE 6 for images, 4 for cotangents; a work-item takes `each` planes of 16 channels,
//          `strip` rows of tiles at a time, and has `size` numbers of `scratch`.
// Used by: the planner's CPU schedule of 3 x 3 convolutions (jairika_nb/engine/routines/winograd.py).

#ifndef TAKE
#define TAKE 6
#endif

kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, global float *restrict scratch,
    const int H, const int W, const int blocks, const int TH, const int TW, const int above,
    const int before, const int room, const int strip, const int size, const int planes,
    const int each) {
  global float *rows = scratch + (size_t)get_global_id(0) * size;
  const int end = min((int)(get_global_id(0) + 1) * each, planes);
  for (int plane = get_global_id(0) * each; plane < end; plane++) {
    const int sample = plane / blocks, block = plane % blocks;
    for (int first = 0; first < TH; first += strip)
      tiles_of(x + (size_t)plane * 16 * H * W, rows,
               out + ((size_t)block * room + ((size_t)sample * TH + first) * TW) * 16,
               (size_t)blocks * room * 16 + 16, H, W, TW, first, min(first + strip, TH), above, before,
               TAKE);
  }
}
