package wan4j.pipeline;

import wan4j.media.FrameSink;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// How a task makes a request's video: its size, its clips one after another, what each is
/// conditioned on given the frames made before it, and which of its frames are the video's. There
/// is one type a task; creating one checks what it is made from.
public interface Course {
  /// Returns the number of clips.
  default int clips() {
    return 1;
  }

  /// Returns how many of the last frames made a clip looks at.
  default int remembered() {
    return 0;
  }

  /// Returns the shape of a clip's sample, `[channels, frames, height, width]`, in latents of an
  /// autoencoder.
  Shape latents(VideoAutoencoder vae);

  /// Returns what a clip is conditioned on, in the innermost scope; `sample` is the shape of
  /// [#latents].
  Conditioning conditioning(
      Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip);

  /// Decodes a clip's latents, float32 in host memory, and hands over the frames that are the
  /// video's.
  default void decode(Ops ops, VideoAutoencoder vae, Clip clip, Tensor latents, FrameSink sink) {
    FrameDecoder.decode(ops, vae, latents, sink);
  }
}
