package wan4j.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.model.RotaryTable.Axis;
import wan4j.model.RotaryTable.Grid;
import wan4j.ops.Convolution;
import wan4j.ops.Ops;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Packs the latent frames before a clip into few tokens: the last one in patches as fine as the
/// sample's, the two before it in patches twice as large on each side, and sixteen before those in
/// patches four times as large (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/s2v/motioner.py,
/// `FramePackMotioner`). Frames that are not there are zeros.
public final class FramePacker {
  /// Frames that are packed alike.
  ///
  /// @param frames how many
  /// @param coarseness frames, and the sample's patches on each side, in a patch
  private record Group(int frames, int coarseness) {
    int patch() {
      return LatentGrid.PATCH * coarseness;
    }
  }

  private static final List<Group> GROUPS = // the last frame first
      List.of(new Group(1, 1), new Group(2, 2), new Group(16, 4));
  private static final int FRAMES = GROUPS.stream().mapToInt(Group::frames).sum();

  private final Ops ops;
  private final SpeechConfig.Packing packing;
  private final int channels;
  private final int dim;
  private final List<Convolution> layers = new ArrayList<>(); // of each group
  private final Tensor ones; // [channels]
  private final Tensor zeros;

  /// Loads the patches' weights of a transformer.
  FramePacker(TransformerConfig config, Weights transformer, Ops ops, LayerLoader loader) {
    this.ops = ops;
    packing = config.speech().packing();
    dim = config.dim();
    channels = config.outChannels();
    Weights weights = transformer.at("frame_packer");
    var parameters = loader.parameters();
    for (Group group : GROUPS) {
      String name = group.coarseness == 1 ? "proj" : "proj_%dx".formatted(group.coarseness);
      TensorSource weight =
          weights.tensor(
              name + ".weight", dim, channels, group.coarseness, group.patch(), group.patch());
      layers.add(parameters.convolution(weight, weights.tensor(name + ".bias", dim)));
    }
    float[] units = new float[channels];
    Arrays.fill(units, 1);
    ones = parameters.tensor(TensorSource.of("ones", Tensor.of(units, channels)), DType.F32);
    zeros =
        parameters.tensor(
            TensorSource.of("zeros", Tensor.of(new float[channels], channels)), DType.F32);
  }

  /// Returns where the tokens of latents of a height and width lie, group by group. Groups count
  /// frames back from the clip, and all span its rows and columns.
  public List<Grid> grids(int height, int width) {
    return grids(packing, height, width);
  }

  /// Returns the same for a way of packing.
  static List<Grid> grids(SpeechConfig.Packing packing, int height, int width) {
    List<Grid> grids = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < GROUPS.size(); i++) {
      Group group = GROUPS.get(i);
      start -= group.frames;
      if (isSeen(packing, i) || !packing.isDropped()) {
        grids.add(
            new Grid(
                new Axis(start, group.frames / group.coarseness, group.frames),
                new Axis(0, height / group.patch(), height / LatentGrid.PATCH),
                new Axis(0, width / group.patch(), width / LatentGrid.PATCH)));
      }
    }
    return grids;
  }

  private static boolean isSeen(SpeechConfig.Packing packing, int group) {
    return group >= GROUPS.size() - packing.groups();
  }

  /// Returns the tokens of float32 `latents [channels, frames, height, width]`, `[tokens, dim]` of
  /// the activation type in the innermost scope, in the order of the grids.
  public Tensor pack(Tensor latents) {
    int height = latents.length(2);
    int width = latents.length(3);
    int count = grids(height, width).stream().mapToInt(Grid::tokens).sum();
    Tensor tokens = ops.empty(ops.activation(), count, dim);
    try (var _ = ops.scope()) {
      Tensor features = ops.channelsLast(padded(latents), ones, zeros);
      int end = FRAMES;
      int first = 0;
      for (int i = 0; i < GROUPS.size(); i++) {
        Group group = GROUPS.get(i);
        end -= group.frames;
        if (isSeen(packing, i) || !packing.isDropped()) {
          Window window = new Window(group.coarseness, group.patch(), 0, 0, 0, 0);
          int frames = group.frames / group.coarseness;
          int rows = height / group.patch();
          int columns = width / group.patch();
          Tensor target = tokens.slice(first, (long) frames * rows * columns);
          if (target.count() > 0) {
            ops.convolution(
                features.slice(end, group.frames),
                layers.get(i),
                window,
                target.reshape(frames, rows, columns, dim));
          }
          first += target.length(0);
        }
      }
    }
    return tokens;
  }

  /// Returns as many latents as the groups take, the last ones of those that are given; what is
  /// missing and what is not seen is zeros.
  private Tensor padded(Tensor latents) {
    Tensor padded = ops.empty(DType.F32, channels, FRAMES, latents.length(2), latents.length(3));
    ops.clear(padded);
    int given = Math.min(FRAMES, latents.length(1));
    int hidden = 0;
    for (int i = 0; i < GROUPS.size(); i++) {
      hidden += isSeen(packing, i) ? 0 : GROUPS.get(i).frames;
    }
    int seen = Math.max(0, given - hidden);
    for (int channel = 0; channel < channels && seen > 0; channel++) {
      ops.copy(
          latents.at(channel).slice((long) latents.length(1) - given, seen),
          padded.at(channel).slice((long) FRAMES - given, seen));
    }
    return padded;
  }
}
