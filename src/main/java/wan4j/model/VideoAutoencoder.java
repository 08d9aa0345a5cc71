package wan4j.model;

import wan4j.ops.Collectives;
import wan4j.ops.HostExchange;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A causal video autoencoder: frames in [-1, 1] to normalised latents and back. One latent frame
/// stands for the first frame, every further one for four frames.
public sealed interface VideoAutoencoder extends AutoCloseable permits WanVae21, WanVae22 {
  /// The pixels, of all its frames, that a piece of a video holds unless told otherwise: eight
  /// frames of 720P, whose features fit a GPU beside two experts.
  long USUAL_PIECE = 8L * 720 * 1280;

  /// Sets how many pixels, of all its frames, a piece of a video holds; one latent frame's at
  /// least. Smaller pieces take less memory and more time, and give the same video, on a GPU
  /// perhaps but for its last bits.
  void cutInto(long pixels);

  /// Lets ranks take the pieces of a video in turn from now on, where it is long enough; null for
  /// one rank that takes all. What is encoded is the same on all ranks; of what is decoded each has
  /// its own pieces.
  void shareWith(Collectives ranks);

  /// Returns the number of latent channels.
  int channels();

  /// Returns how many pixels, in height and in width, one latent pixel stands for.
  int stride();

  /// Returns the shape of a video's latents, `[channels, 1 + (frames - 1) / 4, height / stride,
  /// width / stride]`.
  default Shape latents(int frames, int height, int width) {
    return Shape.of(
        channels(), LatentGrid.latentFrames(frames), height / stride(), width / stride());
  }

  /// Encodes float32 `[3, frames, height, width]` on the backend to float32 latents; frames beyond
  /// 4 n + 1 are dropped.
  Tensor encode(Tensor video);

  /// Decodes float32 latents `[channels, frames, height, width]` piece by piece; `sink` takes each
  /// piece of features `[frames, height, width, 3]`, unclamped, in order, and must not keep it. A
  /// video too short for ranks to take turns is decoded by the first of them.
  void decode(Tensor latents, FrameSink sink);

  /// Frees the weights.
  @Override
  void close();

  /// Takes decoded frames.
  @FunctionalInterface
  interface FrameSink {
    /// Takes features `[frames, height, width, 3]` that start at frame `first` of the video.
    void accept(int first, Tensor features);

    /// A round is over: each rank has taken the piece that it has of it, if any, and the pieces
    /// follow each other in the order of ranks. All ranks are told equally often.
    default void endRound() {}

    /// Returns how the ranks that decode together tell each other numbers.
    default HostExchange ranks() {
      return HostExchange.ALONE;
    }

    /// Returns a sink that takes pieces as `taking` says, and the ends of rounds as this one does.
    default FrameSink taking(FrameSink taking) {
      return new FrameSink() {
        @Override
        public void accept(int first, Tensor features) {
          taking.accept(first, features);
        }

        @Override
        public void endRound() {
          FrameSink.this.endRound();
        }

        @Override
        public HostExchange ranks() {
          return FrameSink.this.ranks();
        }
      };
    }
  }
}
