package wan4j.pipeline;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import wan4j.media.FrameConversion;
import wan4j.media.Interpolation;
import wan4j.media.Picture;
import wan4j.media.Resampling;
import wan4j.media.Sizing;
import wan4j.model.Conditions;
import wan4j.model.LatentGrid;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Speech to video: the subject of a picture speaks or sings a sound, clip after clip (Wan-Video/
/// Wan2.2 at 42bf4cf, wan/speech2video.py). Each clip sees the picture and, from the second on, the
/// 73 frames made before it; each of its latent frames hears its part of the sound. The first clip
/// keeps three frames fewer than the others, as the decoder has nothing to go on from.
///
/// @param picture the subject
/// @param area at most how many pixels a frame has; the picture gives its aspect
/// @param voice what is spoken: float32 `[samples]`, mono at 16 kHz, in host memory
/// @param poses the drawn poses of the frames, or null for none
/// @param cut how the video is cut into clips
public record SpeechToVideo(Picture picture, long area, Tensor voice, Poses poses, Cut cut)
    implements Course {
  /// The frames a second that the model makes.
  public static final int FRAMES_PER_SECOND = 16;

  /// The samples a second that the speech network hears.
  public static final int SOUND_RATE = 16_000;

  /// How many frames of the first clip are not the video's.
  public static final int DROPPED = 3;

  private static final int REMEMBERED = 73;
  private static final int REMEMBERED_LATENTS = LatentGrid.latentFrames(REMEMBERED);
  private static final int PICTURE_FRAMES = 6; // of those remembered, where the picture is first

  /// Gives the drawn poses of frames.
  @FunctionalInterface
  public interface Poses {
    /// Returns the pictures of frames from number `first` of the video on, fewer than `count` where
    /// there are no more.
    List<Picture> frames(long first, int count);
  }

  /// How a video is cut into clips.
  ///
  /// @param frames frames of a clip, a multiple of 4
  /// @param mostClips how many clips there are at most; else as many as the sound fills
  /// @param startsFromPicture whether the video begins with the picture; then the first clip keeps
  ///   all its frames
  public record Cut(int frames, int mostClips, boolean startsFromPicture) {
    /// Returns how many clips so many samples at 16 kHz make.
    public int clips(long samples) {
      return Math.min(
          mostClips, SoundFeatures.clips(SoundFeatures.count(samples), frames, FRAMES_PER_SECOND));
    }

    /// Returns how many frames so many clips have together.
    public long videoFrames(int clips) {
      return (long) clips * frames - (startsFromPicture ? 0 : DROPPED);
    }
  }

  @Override
  public int clips() {
    return cut.clips(voice.count());
  }

  @Override
  public int remembered() {
    return REMEMBERED;
  }

  @Override
  public boolean seedsEachClip() {
    return true;
  }

  /// Returns what the sound's hidden states are together for the transformer, float32 `[states,
  /// dim]`, as far as the video goes.
  @Override
  public Tensor source(CourseNetworks networks, CourseListener listener) {
    Tensor states =
        listener.stage(
            "sound", () -> networks.speech().mix(voice, networks.speechMix(), heardStates()));
    networks.speechIsDone();
    return states;
  }

  private int heardStates() {
    return SoundFeatures.heardStates(
        SoundFeatures.states(voice.count()), (long) clips() * cut.frames, FRAMES_PER_SECOND);
  }

  @Override
  public Shape latents(VideoAutoencoder vae) {
    Sizing.Size size = size();
    return Shape.of(
        vae.channels(),
        cut.frames / LatentGrid.TIME_STRIDE,
        size.height() / vae.stride(),
        size.width() / vae.stride());
  }

  /// Returns the size of the frames.
  public Sizing.Size size() {
    return Sizing.speechToVideo(new Sizing.Size(picture.width(), picture.height()), area);
  }

  @Override
  public Conditioning conditioning(
      Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
    Sizing.Size size = size();
    Tensor fitted =
        Tensor.deferred(DType.F32, Shape.of(3, 1, size.height(), size.width()), () -> fitted(size));
    Tensor reference = vae.encode(ops.upload(fitted, DType.F32));
    boolean seesMotion = isLed(clip);
    Tensor motion =
        seesMotion ? encoded(ops, vae, REMEMBERED, size, remembered(clip, fitted, size)) : null;
    Tensor pose = poses == null ? null : pose(ops, vae, sample, size, clip);
    Shape heard = Shape.of(1, prompts.source().length(1), REMEMBERED + cut.frames);
    Tensor sound = Tensor.deferred(DType.F32, heard, () -> sound(prompts.source(), clip));
    return new Conditioning(
        new Conditions.Speech(prompts.positive(), sound, reference, motion, seesMotion, pose),
        new Conditions.Speech(
            prompts.negative(),
            Tensor.zeros(DType.F32, heard),
            reference,
            motion,
            seesMotion,
            pose),
        null);
  }

  /// Says whether a clip goes on from the frames before it.
  private boolean isLed(Clip clip) {
    return clip.index() > 0 || cut.startsFromPicture;
  }

  private Tensor fitted(Sizing.Size size) {
    Picture fitted = Sizing.shorterSideAndCrop(picture, size, Resampling.BILINEAR);
    return FrameConversion.toFloats(fitted).reshape(3, 1, size.height(), size.width());
  }

  /// Encodes host frames `[3, frames, height, width]` that are made when they are read.
  private static Tensor encoded(
      Ops ops, VideoAutoencoder vae, int frames, Sizing.Size size, Maker maker) {
    Tensor host =
        Tensor.deferred(DType.F32, Shape.of(3, frames, size.height(), size.width()), maker::make);
    Tensor latents =
        ops.empty(DType.F32, vae.latents(frames, size.height(), size.width()).toArray());
    try (var _ = ops.scope()) {
      ops.copy(vae.encode(ops.upload(host, DType.F32)), latents);
    }
    return latents;
  }

  private interface Maker {
    Tensor make();
  }

  /// Returns the frames before a clip: grey before there were any, and then perhaps the picture.
  private Maker remembered(Clip clip, Tensor fitted, Sizing.Size size) {
    return () -> {
      int before = clip.before() == null ? 0 : clip.before().length(1);
      if (before == REMEMBERED) {
        return clip.before();
      }
      int plane = size.height() * size.width();
      Tensor all = empty(Shape.of(3, REMEMBERED, size.height(), size.width()));
      for (int channel = 0; channel < 3; channel++) {
        Tensor frames = all.at(channel);
        int pictures = cut.startsFromPicture ? PICTURE_FRAMES : 0;
        // those before the video begins have moved up by as many as have been made since
        for (int i = Math.max(0, REMEMBERED - pictures - before); i < REMEMBERED - before; i++) {
          MemorySegment.copy(
              fitted.at(channel).segment(),
              0,
              frames.at(i).segment(),
              0,
              (long) plane * Float.BYTES);
        }
        if (before > 0) {
          Tensor made = clip.before().at(channel);
          MemorySegment.copy(
              made.segment(),
              0,
              frames.slice(REMEMBERED - before, before).segment(),
              0,
              made.bytes());
        }
      }
      return all;
    };
  }

  /// Encodes the drawn poses of a clip's frames, black where there are no more. The first one
  /// stands before the others too, so that each latent frame is of four of them.
  private Tensor pose(Ops ops, VideoAutoencoder vae, Shape sample, Sizing.Size size, Clip clip) {
    Tensor latents = ops.empty(DType.F32, sample.toArray());
    try (var _ = ops.scope()) {
      Tensor all = encoded(ops, vae, 1 + cut.frames, size, () -> drawn(size, clip));
      for (int channel = 0; channel < sample.length(0); channel++) {
        ops.copy(all.at(channel).slice(1, sample.length(1)), latents.at(channel));
      }
    }
    return latents;
  }

  private Tensor drawn(Sizing.Size size, Clip clip) {
    List<Picture> pictures = poses.frames((long) clip.index() * cut.frames, cut.frames);
    int plane = size.height() * size.width();
    float[] all = new float[Math.multiplyExact(3 * (1 + cut.frames), plane)];
    Arrays.fill(all, -1);
    float[] given = Interpolation.shorterSideAndCrop(pictures, size).toFloats();
    for (int channel = 0; channel < 3 && !pictures.isEmpty(); channel++) {
      int from = channel * pictures.size() * plane;
      int to = channel * (1 + cut.frames) * plane;
      System.arraycopy(given, from, all, to, plane);
      System.arraycopy(given, from, all, to + plane, pictures.size() * plane);
    }
    return Tensor.of(all, 3, 1 + cut.frames, size.height(), size.width());
  }

  /// Returns what a clip's frames hear, `[1, dim, frames]`; those before it hear its first one's.
  private Tensor sound(Tensor states, Clip clip) {
    Tensor heard =
        SoundFeatures.heard(
            states,
            SoundFeatures.states(voice.count()),
            (long) clip.index() * cut.frames,
            cut.frames,
            FRAMES_PER_SECOND);
    float[] own = heard.toFloats();
    int dim = heard.length(0);
    int frames = REMEMBERED + cut.frames;
    float[] all = new float[Math.multiplyExact(dim, frames)];
    for (int i = 0; i < dim; i++) {
      Arrays.fill(all, i * frames, i * frames + REMEMBERED, own[i * cut.frames]);
      System.arraycopy(own, i * cut.frames, all, i * frames + REMEMBERED, cut.frames);
    }
    return Tensor.of(all, 1, dim, frames);
  }

  /// Puts in front what the decoder goes on from: the picture, or the frames before the clip.
  @Override
  public Tensor decodable(Ops ops, Conditioning conditioning, Tensor latents) {
    if (!(conditioning.conditional() instanceof Conditions.Speech speech)) {
      throw new IllegalArgumentException("got the conditions of another kind of network");
    }
    Tensor lead = ops.download(speech.seesMotion() ? speech.motion() : speech.reference());
    Shape shape =
        Shape.of(
            latents.length(0),
            lead.length(1) + latents.length(1),
            latents.length(2),
            latents.length(3));
    return Tensor.deferred(DType.F32, shape, () -> joined(lead, latents, shape));
  }

  private static Tensor joined(Tensor lead, Tensor latents, Shape shape) {
    Tensor all = empty(shape);
    for (int channel = 0; channel < shape.size(0); channel++) {
      MemorySegment target = all.at(channel).segment();
      MemorySegment first = lead.at(channel).segment();
      MemorySegment second = latents.at(channel).segment();
      MemorySegment.copy(first, 0, target, 0, first.byteSize());
      MemorySegment.copy(second, 0, target, first.byteSize(), second.byteSize());
    }
    return all;
  }

  private static Tensor empty(Shape shape) {
    MemorySegment segment = Arena.ofAuto().allocate(shape.count() * Float.BYTES, 64);
    return new Tensor(shape, DType.F32, new HostStorage(segment));
  }

  @Override
  public void decode(
      Ops ops, VideoAutoencoder vae, Clip clip, Tensor latents, VideoAutoencoder.FrameSink sink) {
    int lead = isLed(clip) ? REMEMBERED_LATENTS : 1;
    int dropped = LatentGrid.videoFrames(lead) + (isLed(clip) ? 0 : DROPPED);
    vae.decode(
        ops.upload(latents, DType.F32),
        sink.taking((first, features) -> {
          int passed = Math.clamp((long) dropped - first, 0, features.length(0));
          if (passed < features.length(0)) {
            sink.accept(
                Math.max(0, first - dropped),
                features.slice(passed, (long) features.length(0) - passed));
          }
        }));
  }
}
