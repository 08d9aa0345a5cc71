package wan4j.pipeline;

import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
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

  /// Says whether each clip's noise has a seed of its own, the request's and the clip's number
  /// together; else one generator goes through all clips.
  default boolean seedsEachClip() {
    return false;
  }

  /// Returns what a network of its own makes, once a request, of what the video is made from beside
  /// its prompts, in host memory; null where there is no such network.
  default Tensor source(CourseNetworks networks, CourseListener listener) {
    return null;
  }

  /// Returns the shape of a clip's sample, `[channels, frames, height, width]`, in latents of an
  /// autoencoder.
  Shape latents(VideoAutoencoder vae);

  /// Returns what a clip is conditioned on, in the innermost scope; `sample` is the shape of
  /// [#latents].
  Conditioning conditioning(
      Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip);

  /// Returns what [#decode] takes of a clip, float32 in host memory: its sampled latents, where
  /// needed behind those that the decoder has to see before.
  default Tensor decodable(Ops ops, Conditioning conditioning, Tensor latents) {
    return latents;
  }

  /// Decodes what [#decodable] gave of a clip, in the innermost scope, and hands over the frames
  /// that are the video's.
  default void decode(
      Ops ops, VideoAutoencoder vae, Clip clip, Tensor latents, VideoAutoencoder.FrameSink sink) {
    vae.decode(ops.upload(latents, DType.F32), sink);
  }
}
