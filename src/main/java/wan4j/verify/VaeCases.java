package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.ops.Ops;
import wan4j.pipeline.FrameDecoder;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.Weights;

/// Either autoencoder, to latents or to frames.
final class VaeCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    Ops ops = backend.ops();
    List<Comparison> comparisons = new ArrayList<>();
    try (var checkpoint = Checkpoint.open(reference.path("checkpoint"));
        var vae = autoencoder(checkpoint.vae(), ops)) {
      vae.shareWith(backend.part().all());
      if (reference.has("in.latent")) {
        Tensor video =
            backend.part().whole(FrameDecoder.floats(ops, vae, reference.tensor("in.latent")));
        comparisons.add(compare(backend, "out.video_unclamped", video, reference, FRAMES_DECIBELS));
      }
      if (reference.has("in.video")) {
        try (var _ = ops.scope()) {
          Tensor latents =
              ops.download(vae.encode(ops.upload(reference.tensor("in.video"), DType.F32)));
          comparisons.add(compare(backend, "out.latent", latents, reference, FRAMES_DECIBELS));
        }
      }
    }
    return comparisons;
  }

  private static final double FRAMES_DECIBELS = 40;

  /// Returns the autoencoder that weights belong to.
  static VideoAutoencoder autoencoder(Weights weights, Ops ops) {
    return Checkpoint.isVae22(weights) ? new WanVae22(weights, ops) : new WanVae21(weights, ops);
  }

  private static Comparison compare(
      Backend backend, String name, Tensor got, ReferenceCase reference, double decibels) {
    Tensor expected = reference.tensor(name);
    if (backend.isFloat32()) {
      return Comparison.relative(name, got, expected, backend.tolerance(reference.tolerance(name)));
    }
    return Comparison.peak(name, got, expected, decibels);
  }
}
