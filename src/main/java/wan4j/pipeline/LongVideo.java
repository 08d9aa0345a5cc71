package wan4j.pipeline;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.model.LatentGrid;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A video of several clips, each of which begins with the last frames of the one before it. How it
/// begins is the task's: what makes video of text holds their latents, image to video sees them as
/// given frames. Where the network has made its own of them, the given latents go over into those;
/// [ColourDrift] brings the frames to the colours of the clip before.
///
/// @param most the course of every clip but the last
/// @param end the course of the last clip
/// @param clips how many there are
/// @param overlap frames that a clip shares with the one before, 4 n + 1
public record LongVideo(Course most, Course end, int clips, int overlap) implements Course {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /// Throws `InputException` when an overlap does not fit clips of so many frames.
  public static void requireOverlap(int overlap, int frames) {
    if (overlap < 1 || overlap % LatentGrid.TIME_STRIDE != 1 || overlap >= frames) {
      throw new InputException(
          "--clip_overlap got %d for clips of %d frames; give 4n+1 frames and fewer than a clip has, such as 1"
              .formatted(overlap, frames));
    }
  }

  /// Returns how many frames so many clips have together.
  public static long frames(int clips, int frames, int overlap) {
    return frames + (clips - 1L) * (frames - overlap);
  }

  @Override
  public int remembered() {
    return overlap;
  }

  @Override
  public Shape latents(VideoAutoencoder vae) {
    return end.latents(vae);
  }

  @Override
  public Conditioning conditioning(
      Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
    Course course = clip.index() == clips - 1 ? end : most;
    return course.conditioning(ops, vae, sample, prompts, clip);
  }

  /// Blends the network's own frames with those that it saw.
  @Override
  public Tensor decodable(Ops ops, Conditioning conditioning, Tensor latents) {
    return conditioning.beginning() instanceof Beginning.Seen seen
        ? blended(ops.download(seen.latents()), latents)
        : latents;
  }

  private static Tensor blended(Tensor given, Tensor latents) {
    Shape shape = latents.shape();
    return Tensor.deferred(DType.F32, shape, () -> blend(given, latents, shape));
  }

  private static Tensor blend(Tensor given, Tensor latents, Shape shape) {
    MemorySegment all = Arena.ofAuto().allocate(shape.count() * Float.BYTES, 64);
    all.copyFrom(latents.segment());
    Tensor blended = new Tensor(shape, DType.F32, new HostStorage(all));
    int shared = given.length(1);
    long frame = shape.size(2) * shape.size(3);
    for (int channel = 0; channel < shape.size(0); channel++) {
      MemorySegment before = given.at(channel).segment();
      MemorySegment target = blended.at(channel).segment();
      for (long i = 0; i < shared * frame; i++) {
        float own = (i / frame + 1) / (shared + 1f);
        float value = own * target.getAtIndex(FLOAT, i) + (1 - own) * before.getAtIndex(FLOAT, i);
        target.setAtIndex(FLOAT, i, value);
      }
    }
    return blended;
  }

  @Override
  public void decode(
      Ops ops, VideoAutoencoder vae, Clip clip, Tensor latents, VideoAutoencoder.FrameSink sink) {
    VideoAutoencoder.FrameSink own =
        clip.before() == null ? sink : new ColourDrift(ops, clip.before(), sink);
    end.decode(ops, vae, clip, latents, own);
  }
}
