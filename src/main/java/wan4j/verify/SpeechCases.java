package wan4j.verify;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.JsonNode;
import wan4j.model.Wav2Vec2;
import wan4j.pipeline.SoundFeatures;
import wan4j.tensor.Tensor;
import wan4j.weights.ConfigFile;
import wan4j.weights.Wav2Vec2Config;
import wan4j.weights.Weights;

/// Hidden states of wav2vec2 for a sound, and what of them the frames of a video take.
final class SpeechCases implements CaseKind {
  private static final int FRAMES_PER_SECOND = 16;

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    Tensor samples =
        reference.has("in.waveform16k")
            ? reference.tensor("in.waveform16k")
            : reference.tensorOf("s2v-audio-talk", "out.waveform16k");
    JsonNode config = reference.json().path("config");
    Path folder = reference.folder().resolve(config.path("weights").asString(""));
    double tolerance = backend.tolerance(reference.tolerance("out.hidden_states"));
    List<Comparison> comparisons = new ArrayList<>();
    try (Weights weights = Weights.open(folder);
        Wav2Vec2 network = network(folder, weights, backend)) {
      float[][] states = states(network, samples, backend);
      Tensor expected = reference.tensor("out.hidden_states");
      comparisons.add(
          Comparison.relative("out.hidden_states", joined(states), expected, tolerance));
      int count = network.states(samples.count());
      List<Tensor> features =
          Arrays.stream(states)
              .map(entry -> SoundFeatures.resample(Tensor.of(entry, count, network.dim())))
              .toList();
      Tensor resampled = reference.tensor("out.feat_30fps");
      comparisons.add(
          Comparison.relative("out.feat_30fps", stacked(features), resampled, tolerance));
      for (JsonNode bucket : config.path("buckets")) {
        comparisons.addAll(frames(reference, features, bucket, tolerance));
      }
      comparisons.add(mix(network, samples, states, tolerance));
    }
    return comparisons;
  }

  private static Wav2Vec2 network(Path folder, Weights weights, Backend backend) {
    ConfigFile config = ConfigFile.read(folder.resolve("config.json"));
    return new Wav2Vec2(Wav2Vec2Config.of(config), weights, backend.ops());
  }

  /// Returns all entries, each `[states, dim]`.
  private static float[][] states(Wav2Vec2 network, Tensor samples, Backend backend) {
    float[][] all = new float[network.entries()][network.states(samples.count()) * network.dim()];
    network.encode(
        samples,
        (entry, first, states) -> {
          float[] values = backend.ops().download(states).toFloats();
          System.arraycopy(values, 0, all[entry], first * network.dim(), values.length);
        });
    return all;
  }

  /// Compares the mix that is made while layers run with the sum of their states; the last counts
  /// most, as in no other order.
  private static Comparison mix(
      Wav2Vec2 network, Tensor samples, float[][] states, double tolerance) {
    double[] factors = new double[states.length];
    float[] sum = new float[states[0].length];
    for (int entry = 0; entry < states.length; entry++) {
      factors[entry] = (entry + 1) / 10.0;
      for (int i = 0; i < sum.length; i++) {
        sum[i] += (float) (factors[entry] * states[entry][i]);
      }
    }
    Tensor mixed = network.mix(samples, factors, Integer.MAX_VALUE);
    return Comparison.relative(
        "mix of hidden states", mixed, Tensor.of(sum, mixed.length(0), mixed.length(1)), tolerance);
  }

  /// Compares the features that the frames of clips take: `[1, entries, dim, frames]`.
  private static List<Comparison> frames(
      ReferenceCase reference, List<Tensor> features, JsonNode bucket, double tolerance) {
    int clipFrames = bucket.path("infer_frames").asInt();
    int count = features.getFirst().length(0);
    int clips = SoundFeatures.clips(count, clipFrames, FRAMES_PER_SECOND);
    int[] indices = SoundFeatures.indices(count, clips * clipFrames, FRAMES_PER_SECOND);
    List<Comparison> comparisons = new ArrayList<>();
    String named = "mid.frame_indices_" + clipFrames;
    if (reference.has(named)) {
      comparisons.add(indices(named, indices, reference.tensor(named)));
    }
    String name = "out.audio_embed_" + clipFrames;
    if (reference.has(name)) {
      int frames = Math.min(clips, bucket.path("num_repeat").asInt()) * clipFrames;
      int dim = features.getFirst().length(1);
      float[] got = new float[features.size() * dim * frames];
      for (int entry = 0; entry < features.size(); entry++) {
        float[] rows =
            SoundFeatures.ofFrames(features.get(entry), Arrays.copyOf(indices, frames)).toFloats();
        for (int i = 0; i < rows.length; i++) {
          got[(entry * dim + i % dim) * frames + i / dim] = rows[i];
        }
      }
      Tensor embedding = Tensor.of(got, 1, features.size(), dim, frames);
      comparisons.add(Comparison.relative(name, embedding, reference.tensor(name), tolerance));
    }
    return comparisons;
  }

  /// Compares the features of frames where the sound has not ended.
  private static Comparison indices(String name, int[] got, Tensor expected) {
    int[] wanted = expected.toInts();
    int wrong = Math.abs(got.length - wanted.length);
    for (int i = 0; i < Math.min(got.length, wanted.length); i++) {
      wrong += got[i] >= 0 && got[i] != wanted[i] ? 1 : 0;
    }
    return Comparison.wrong(name, wrong, wanted.length);
  }

  private static Tensor joined(float[][] states) {
    float[] all = new float[states.length * states[0].length];
    for (int entry = 0; entry < states.length; entry++) {
      System.arraycopy(states[entry], 0, all, entry * states[0].length, states[0].length);
    }
    return Tensor.of(all, all.length);
  }

  private static Tensor stacked(List<Tensor> features) {
    return joined(features.stream().map(Tensor::toFloats).toArray(float[][]::new));
  }
}
