// What:    images with channels as lanes, and zeros around them.
// Layouts: x [N][C][H][W]; out [N][C / 16][PH][PW][16], zeros for the channels missing to 16.
// Parameters: the image begins `above` rows and `before` columns inside, of which every `down`-th
//          and `across`-th is taken; a work-item takes `each` planes of 16 channels.
// Used by: the planner's CPU schedule of convolutions (jairika_nb/engine/routines/direct.py).

#ifndef LANES
#define LANES 16
#endif

kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, const int C, const int H, const int W,
    const int PH, const int PW, const int above, const int before, const int down,
    const int across, const int planes, const int each) {
  const int end = min((int)(get_global_id(0) + 1) * each, planes), size = H * W;
  for (int plane = get_global_id(0) * each; plane < end; plane++) {
    const int blocks = (C + LANES - 1) / LANES, channel = plane % blocks * LANES;
    global const float *from = x + ((size_t)(plane / blocks) * C + channel) * size;
    const int channels = min(LANES, C - channel);
    global float *to = out + (size_t)plane * PH * PW * LANES;
    for (int h = 0; h < PH; h++)
      for (int w = 0; w < PW; w++) {
        const int row = (h - above) * down, column = (w - before) * across;
        if (row < 0 || row >= H || column < 0 || column >= W)
          vstore16((float16)(0.0f), h * PW + w, to);
      }
    for (int p = 0; p < size; p += 16) {
      // The last ones may come twice.
      const int place = max(min(p, size - 16), 0);
      float16 lanes[16];
      if (size >= 16) {
#pragma unroll
        for (int i = 0; i < 16; i++)
          lanes[i] = i < channels ? vload16(0, from + (size_t)i * size + place)
                                  : (float16)(0.0f);
      } else {
        for (int i = 0; i < 16; i++) {
          float each[16];
          for (int j = 0; j < 16; j++) each[j] = i < channels && j < size ? from[i * size + j] : 0.0f;
          lanes[i] = vload16(0, each);
        }
      }
      transpose16(lanes);
      // Where a place goes is counted along: a division for each would take longer than its store.
      int h = place / W, w = place % W, row = h / down + above, column = w / across + before;
      int skipped_h = h % down, skipped_w = w % across;
      for (int i = 0; i < min(size, 16); i++) {
        if (skipped_h == 0 && skipped_w == 0 && row < PH && column < PW)
          vstore16(lanes[i], row * PW + column, to);
        if (++skipped_w == across) {
          skipped_w = 0;
          column++;
        }
        if (++w == W) {
          w = skipped_w = 0;
          column = before;
          if (++skipped_h == down) {
            skipped_h = 0;
            row++;
          }
        }
      }
    }
  }
}
