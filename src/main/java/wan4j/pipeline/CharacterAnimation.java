package wan4j.pipeline;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import wan4j.media.CharacterVideos;
import wan4j.media.FrameConversion;
import wan4j.media.FrameSource;
import wan4j.media.Interpolation;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;
import wan4j.model.ClipVision;
import wan4j.model.Conditions;
import wan4j.model.LatentGrid;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Character animation: a picture's character moves as the drawn poses and faces of a driving video
/// do, or replaces the one of that video (Wan-Video/Wan2.2 at 42bf4cf, wan/animate.py).
///
/// Clips overlap by a few frames, which a later one is given. The first latent frame of a sample is
/// a slot for the picture. A video that ends within a clip runs backwards from its end, and
/// forwards again, to fill it; what is made of that is cut off.
public final class CharacterAnimation implements Course {
  private static final int MASK_CHANNELS = LatentGrid.TIME_STRIDE; // a frame each of a latent's
  private static final int COLOURS = 3;
  private static final int AT_ONCE = 8; // frames that are uploaded together

  private final CharacterVideos videos;
  private final int clipFrames;
  private final int overlap;
  private final Picture picture; // as large as the video
  // [channels, 1, height, width] in host memory, once it is made: the same whichever rank makes it
  private volatile Tensor pictureLatent;

  /// Creates the course for clips of so many frames (4 n + 1) that overlap by 1 or 5; throws
  /// `InputException` when that does not fit or the sides are not multiples of `step`.
  public CharacterAnimation(CharacterVideos videos, int clipFrames, int overlap, int step) {
    if (overlap != 1 && overlap != 5) {
      throw new InputException("--refert_num got %d; give 1 or 5".formatted(overlap));
    }
    if (clipFrames <= overlap) {
      throw new InputException(
          "--frame_num got %d and --refert_num %d; expected clips longer than their overlap: give a larger --frame_num"
              .formatted(clipFrames, overlap));
    }
    this.videos = videos;
    this.clipFrames = clipFrames;
    this.overlap = overlap;
    int width = videos.pose().width();
    int height = videos.pose().height();
    if (width % step != 0 || height % step != 0) {
      throw new InputException(
          "src_pose.mp4 is %dx%d; expected sides that are multiples of %d: make the folder again with wan4j preprocess animate"
              .formatted(width, height, step));
    }
    picture = OpenCvResize.letterbox(videos.picture(), width, height, OpenCvResize.Filter.LINEAR);
  }

  /// Returns the frames of the video.
  public int frames() {
    return videos.pose().count();
  }

  private int stride() {
    return clipFrames - overlap;
  }

  @Override
  public int clips() {
    return Math.max(1, Math.ceilDiv(frames() - overlap, stride()));
  }

  @Override
  public int remembered() {
    return overlap;
  }

  @Override
  public Shape latents(VideoAutoencoder vae) {
    Shape own = vae.latents(clipFrames, videos.pose().height(), videos.pose().width());
    return Shape.of(own.size(0), own.size(1) + 1, own.size(2), own.size(3));
  }

  /// Returns what the image network makes of the picture.
  @Override
  public Tensor source(CourseNetworks networks, CourseListener listener) {
    Tensor tokens =
        listener.stage(
            "picture",
            () -> {
              ClipVision network = networks.vision();
              Ops ops = networks.ops();
              try (var _ = ops.scope()) {
                return ops.download(network.encode(seen(network.size())));
              }
            });
    networks.visionIsDone();
    return tokens;
  }

  private Tensor seen(int size) {
    return Tensor.deferred(
        DType.F32,
        Shape.of(COLOURS, size, size),
        () -> Interpolation.bicubic(FrameConversion.toFloats(picture), size, size));
  }

  @Override
  public Conditioning conditioning(
      Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
    int first = clip.index() * stride();
    Tensor beside = beside(ops, vae, sample, clip, first);
    Tensor pose = ops.empty(DType.F32, latents(vae, sample).toArray());
    try (var _ = ops.scope()) {
      Tensor video = video(ops);
      upload(ops, videos.pose(), first, 0, video);
      ops.copy(vae.encode(video), pose);
    }
    Tensor faces = deferred(videos.faces(), first);
    Tensor none = Tensor.zeros(DType.U8, faces.shape()); // -1, the darkest, in networks' scale
    Tensor seen = prompts.source();
    return new Conditioning(
        new Conditions.Animation(prompts.positive(), seen, beside, pose, faces),
        new Conditions.Animation(prompts.negative(), seen, beside, pose, none),
        null);
  }

  /// Returns the shape of a clip's latents without the picture's slot.
  private static Shape latents(VideoAutoencoder vae, Shape sample) {
    return Shape.of(vae.channels(), sample.size(1) - 1, sample.size(2), sample.size(3));
  }

  /// Returns mask and latents of what is given: the picture, then the frames of the clip before,
  /// then the background, or grey.
  private Tensor beside(Ops ops, VideoAutoencoder vae, Shape sample, Clip clip, int first) {
    int given = clip.before() == null ? 0 : overlap;
    Tensor beside =
        ops.empty(
            DType.F32,
            (long) MASK_CHANNELS + vae.channels(),
            sample.size(1),
            sample.size(2),
            sample.size(3));
    try (var _ = ops.scope()) {
      ops.copy(ops.upload(mask(sample, given, first), DType.F32), beside.slice(0, MASK_CHANNELS));
    }
    Tensor latents = beside.slice(MASK_CHANNELS, vae.channels());
    try (var _ = ops.scope()) {
      place(ops, pictureLatent(ops, vae), latents, 0);
    }
    try (var _ = ops.scope()) {
      Tensor video = video(ops);
      ops.clear(video);
      if (given > 0) {
        place(ops, ops.upload(clip.before(), DType.F32), video, 0);
      }
      if (videos.background() != null) {
        upload(ops, videos.background(), first, given, video);
      }
      place(ops, vae.encode(video), latents, 1);
    }
    return beside;
  }

  private Tensor video(Ops ops) {
    return ops.empty(DType.F32, COLOURS, clipFrames, videos.pose().height(), videos.pose().width());
  }

  /// Returns the picture's latent on the backend; it is encoded once.
  private Tensor pictureLatent(Ops ops, VideoAutoencoder vae) {
    if (pictureLatent != null) {
      return ops.upload(pictureLatent, DType.F32);
    }
    Tensor pixels =
        Tensor.deferred(
            DType.F32,
            Shape.of(COLOURS, 1, picture.height(), picture.width()),
            () ->
                FrameConversion.toFloats(picture)
                    .reshape(COLOURS, 1, picture.height(), picture.width()));
    Tensor latent = vae.encode(ops.upload(pixels, DType.F32));
    pictureLatent = ops.download(latent);
    return latent;
  }

  /// Copies frames `[channels, frames, …]` into others from frame `first` on.
  private static void place(Ops ops, Tensor frames, Tensor target, int first) {
    for (int channel = 0; channel < frames.length(0); channel++) {
      ops.copy(frames.at(channel), target.at(channel).slice(first, frames.length(1)));
    }
  }

  /// Copies the clip's frames of a source from frame `from` on into a video `[3, frames, height,
  /// width]`, a few at once.
  private void upload(Ops ops, FrameSource source, int first, int from, Tensor video) {
    Tensor frames = deferred(source, first);
    for (int start = from; start < clipFrames; start += AT_ONCE) {
      int count = Math.min(AT_ONCE, clipFrames - start);
      Tensor bytes = frames.slice(start, count);
      Tensor floats =
          Tensor.deferred(
              DType.F32,
              Shape.of(COLOURS, count, source.height(), source.width()),
              () -> FrameConversion.toFloats(bytes));
      try (var _ = ops.scope()) {
        place(ops, ops.upload(floats, DType.F32), video, start);
      }
    }
  }

  /// Returns a clip's frames of a source, unsigned bytes `[frames, height, width, 3]` in host
  /// memory, read when they are looked at.
  private Tensor deferred(FrameSource source, int first) {
    return Tensor.deferred(
        DType.U8,
        Shape.of(clipFrames, source.height(), source.width(), COLOURS),
        () -> read(source, first));
  }

  private Tensor read(FrameSource source, int first) {
    int[] wanted = new int[clipFrames];
    Arrays.setAll(wanted, i -> there(first + i, source.count()));
    int least = Arrays.stream(wanted).min().orElseThrow();
    int most = Arrays.stream(wanted).max().orElseThrow();
    Tensor there = source.read(least, most - least + 1);
    if (there.length(0) == clipFrames && wanted[0] == least && wanted[clipFrames - 1] == most) {
      return there; // in their own order
    }
    byte[] frames =
        new byte[Math.multiplyExact(clipFrames, Math.toIntExact(there.bytes() / there.length(0)))];
    MemorySegment all = MemorySegment.ofArray(frames);
    long bytes = there.bytes() / there.length(0);
    for (int i = 0; i < clipFrames; i++) {
      MemorySegment.copy(there.at(wanted[i] - least).segment(), 0, all, i * bytes, bytes);
    }
    return Tensor.of(frames, clipFrames, source.height(), source.width(), COLOURS);
  }

  /// Returns the number of the frame that stands at a place: a video runs forwards and backwards in
  /// turn, its ends once each.
  static int there(int place, int count) {
    if (count == 1) {
      return 0;
    }
    int within = place % (2 * count - 2);
    return Math.min(within, 2 * count - 2 - within);
  }

  /// Returns what is given, host float32 `[4, latent frames, height, width]`: 1 for the picture and
  /// the `given` frames of the clip before; of the others the background where the mask of a
  /// replacement is black, else 0. Each channel is one of a latent frame's four frames; the first
  /// latent frame has one for all.
  private Tensor mask(Shape sample, int given, int first) {
    return Tensor.deferred(
        DType.F32,
        Shape.of(MASK_CHANNELS, sample.size(1), sample.size(2), sample.size(3)),
        () -> drawnMask(sample, given, first));
  }

  private Tensor drawnMask(Shape sample, int given, int first) {
    int height = sample.length(2);
    int width = sample.length(3);
    int plane = height * width;
    int latentFrames = sample.length(1);
    float[] values = new float[MASK_CHANNELS * latentFrames * plane];
    byte[] masks = videos.mask() == null ? null : bytes(read(videos.mask(), first));
    for (int channel = 0; channel < MASK_CHANNELS; channel++) {
      for (int latent = 0; latent < latentFrames; latent++) {
        int at = (channel * latentFrames + latent) * plane;
        int frame = Math.max(0, (latent - 2) * MASK_CHANNELS + channel + 1);
        if (latent == 0 || frame < given) {
          Arrays.fill(values, at, at + plane, 1);
        } else if (masks != null) {
          fill(values, at, masks, frame, height, width);
        }
      }
    }
    return Tensor.of(values, MASK_CHANNELS, latentFrames, height, width);
  }

  /// Takes the left upper pixel of those that a latent pixel stands for.
  private void fill(float[] values, int at, byte[] masks, int frame, int height, int width) {
    int across = videos.mask().width();
    int down = videos.mask().height();
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int row = y * down / height;
        int column = x * across / width;
        int pixel = ((frame * down + row) * across + column) * COLOURS;
        values[at + y * width + x] = 1 - (masks[pixel] & 0xFF) / 255f;
      }
    }
  }

  private static byte[] bytes(Tensor frames) {
    return frames.segment().toArray(ValueLayout.JAVA_BYTE);
  }

  /// Decodes all latent frames but the picture's; the frames that the clip before has made are left
  /// out, and those beyond the video's end.
  @Override
  public void decode(
      Ops ops, VideoAutoencoder vae, Clip clip, Tensor latents, VideoAutoencoder.FrameSink sink) {
    Shape shape = latents.shape();
    int known = clip.index() == 0 ? 0 : overlap;
    int end = Math.min(clipFrames, frames() - clip.index() * stride());
    Tensor whole = ops.upload(latents, DType.F32);
    Tensor own =
        ops.empty(DType.F32, shape.size(0), shape.size(1) - 1, shape.size(2), shape.size(3));
    for (int channel = 0; channel < shape.size(0); channel++) {
      ops.copy(whole.at(channel).slice(1, shape.size(1) - 1), own.at(channel));
    }
    vae.decode(
        own,
        sink.taking((first, features) -> {
          int from = Math.max(known - first, 0);
          int to = Math.min(end - first, features.length(0));
          if (from < to) {
            sink.accept(first + from - known, features.slice(from, to - from));
          }
        }));
  }
}
