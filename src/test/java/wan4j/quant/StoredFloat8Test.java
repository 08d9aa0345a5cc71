package wan4j.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.ScaledSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

class StoredFloat8Test {
  @Test
  void equalFactorsOfTensorsStayOne() {
    StoredFloat8 stored =
        StoredFloat8.of(
            List.of(weight(2, 3, factors(0.5f)), weight(4, 3, factors(0.5f))), Granularity.TENSOR);
    assertThat(stored.codes()).hasSize(2);
    assertThat(stored.inverseScales().toFloats()).containsExactly(0.5f);
    assertThat(stored.inverseScales().shape()).isEqualTo(Shape.of(1));
  }

  @Test
  void differentFactorsOfTensorsAreSpreadOverRowsAndTilesAndAreNoneForTheWhole() {
    List<TensorSource> weights =
        List.of(weight(128, 130, factors(0.5f)), weight(2, 130, factors(0.25f)));
    assertThat(StoredFloat8.of(weights, Granularity.TENSOR)).isNull();
    float[] rows = StoredFloat8.of(weights, Granularity.ROW).inverseScales().toFloats();
    assertThat(rows).hasSize(130).startsWith(0.5f, 0.5f).endsWith(0.5f, 0.25f, 0.25f);
    Tensor tiles = StoredFloat8.of(weights, Granularity.BLOCK_128X128).inverseScales();
    assertThat(tiles.shape()).isEqualTo(Shape.of(2, 2));
    assertThat(tiles.toFloats()).containsExactly(0.5f, 0.5f, 0.25f, 0.25f);
  }

  @Test
  void factorsOfOutputsSuitRowsAlone() {
    List<TensorSource> weights =
        List.of(weight(2, 8, factors(1, 2)), weight(3, 8, factors(3, 4, 5)));
    assertThat(StoredFloat8.of(weights, Granularity.ROW).inverseScales().toFloats())
        .containsExactly(1, 2, 3, 4, 5);
    assertThat(StoredFloat8.of(weights, Granularity.TENSOR)).isNull();
    assertThat(StoredFloat8.of(weights, Granularity.BLOCK_128X128)).isNull();
  }

  @Test
  void tilesSuitTilesAlone() {
    List<TensorSource> weights =
        List.of(
            weight(256, 130, factors(1, 2, 3, 4).reshape(2, 2)),
            weight(130, 130, factors(5, 6, 7, 8).reshape(2, 2)));
    assertThat(StoredFloat8.of(weights, Granularity.BLOCK_128X128).inverseScales().toFloats())
        .containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
    assertThat(StoredFloat8.of(weights, Granularity.ROW)).isNull();
    assertThat(StoredFloat8.of(weights, Granularity.TENSOR)).isNull();
  }

  @Test
  void tilesThatReachOverTwoWeightsAreFoundInTheFactorsOfPieces() {
    // two weights of 96 x 192, whose stack has tiles of rows 0 to 127 and 128 to 191
    float[] first = new float[96 * 3];
    float[] second = new float[96 * 3];
    for (int i = 0; i < 96 * 3; i++) {
      first[i] = i % 3 < 2 ? 1 : 2;
      second[i] = (i / 3 < 32 ? 0 : 2) + (i % 3 < 2 ? 1 : 2);
    }
    TensorSource one = weight(96, 192, factors(first).reshape(96, 3));
    TensorSource two = weight(96, 192, factors(second).reshape(96, 3));
    assertThat(
            StoredFloat8.of(List.of(one, two), Granularity.BLOCK_128X128)
                .inverseScales()
                .toFloats())
        .containsExactly(1, 2, 3, 4);
    assertThat(StoredFloat8.of(List.of(two, one), Granularity.BLOCK_128X128)).isNull();
  }

  @ParameterizedTest
  @EnumSource(
      value = Granularity.class,
      names = {"TENSOR", "ROW", "BLOCK_128X128"})
  void bareCodesHaveTheFactorOneAndOtherTypesAreNotTaken(Granularity granularity) {
    TensorSource bare = codes(DType.F8_E4M3, 3, 4);
    assertThat(StoredFloat8.of(List.of(bare), granularity).inverseScales().toFloats())
        .containsOnly(1f);
    assertThat(StoredFloat8.of(List.of(bare, codes(DType.BF16, 3, 4)), granularity)).isNull();
    assertThat(StoredFloat8.of(List.of(codes(DType.F8_E5M2, 3, 4)), granularity)).isNull();
  }

  private static Tensor factors(float... values) {
    return Tensor.of(values, values.length);
  }

  private static TensorSource codes(DType dtype, int rows, int columns) {
    byte[] bytes = new byte[rows * columns * dtype.bytes()];
    return TensorSource.of(
        "codes",
        new Tensor(Shape.of(rows, columns), dtype, new HostStorage(MemorySegment.ofArray(bytes))));
  }

  private static TensorSource weight(int rows, int columns, Tensor factors) {
    return new Stored(codes(DType.F8_E4M3, rows, columns), factors);
  }

  private record Stored(TensorSource codes, Tensor factors) implements ScaledSource {
    @Override
    public String name() {
      return codes.name();
    }

    @Override
    public Shape shape() {
      return codes.shape();
    }

    @Override
    public DType dtype() {
      return DType.F32;
    }

    @Override
    public void read(long offset, MemorySegment target) {
      throw new IllegalStateException("stored codes are taken, not read");
    }
  }
}
