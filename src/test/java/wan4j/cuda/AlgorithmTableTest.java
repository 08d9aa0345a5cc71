package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.cuda.bind.Cudnn;
import wan4j.cuda.bind.CudnnConvolution;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Compute;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulDescription.Scale;
import wan4j.cuda.tune.FastestCandidate;
import wan4j.tensor.InputException;

class AlgorithmTableTest {
  private static final String DEVICE = "NVIDIA H200";
  private static final int LIBRARY = 130_100;
  private static final Map<String, Integer> LIBRARIES =
      Map.of(AlgorithmTable.PRODUCTS, LIBRARY, AlgorithmTable.CONVOLUTIONS, 91_400);
  private static final String OURS = "0123456789abcdef".repeat(8);
  private static final String THEIRS = "fedcba9876543210".repeat(8);
  private static final MatmulDescription PRODUCT =
      MatmulDescription.linear(9456, 5120, 5120, Element.FLOAT8_E4M3, Element.BFLOAT16);

  @TempDir private Path folder;

  private static AlgorithmTable table(int library, String code) {
    return new AlgorithmTable(
        DEVICE,
        AlgorithmTable.PRODUCTS,
        library,
        List.of(new AlgorithmTable.Choice(PRODUCT.key(), code, 0.5, 0.55)));
  }

  private Algorithms algorithms(AlgorithmTable... shipped) {
    return Algorithms.of(DEVICE, LIBRARIES, List.of(shipped), folder.resolve("own.json"));
  }

  @Test
  void aTableServesTheDeviceAndLibraryThatItWasMeasuredWith() {
    assertThat(algorithms(table(LIBRARY, OURS)).algorithm(PRODUCT)).isEqualTo(OURS);
    assertThat(algorithms(table(LIBRARY + 1, OURS)).algorithm(PRODUCT)).isNull();
    Algorithms other =
        Algorithms.of(
            "NVIDIA H100", LIBRARIES, List.of(table(LIBRARY, OURS)), folder.resolve("own.json"));
    assertThat(other.algorithm(PRODUCT)).isNull();
    assertThat(other.summary())
        .isEqualTo(
            "none was measured for NVIDIA H100 with cuBLASLt 130100 and cuDNN 91400: each product"
                + " and convolution takes the library's first; ./wan4j tune measures them");
  }

  @Test
  void convolutionsHaveATableOfTheirOwn() {
    CudnnConvolution.Shape shape = convolution(10, 1, false);
    AlgorithmTable engines =
        new AlgorithmTable(
            DEVICE,
            AlgorithmTable.CONVOLUTIONS,
            91_400,
            List.of(new AlgorithmTable.Choice(shape.key(), "41:2", 8.9, 12.8)));
    Algorithms algorithms = algorithms(table(LIBRARY, OURS), engines);
    assertThat(algorithms.algorithm(shape)).isEqualTo("41:2");
    assertThat(algorithms.algorithm(PRODUCT)).isEqualTo(OURS);
    List<CudnnConvolution.Shape> others =
        List.of(convolution(9, 1, false), convolution(10, 2, false), convolution(10, 1, true));
    assertThat(others).allMatch(other -> algorithms.algorithm(other) == null);
  }

  private static CudnnConvolution.Shape convolution(long frames, long stride, boolean biased) {
    return new CudnnConvolution.Shape(
        Cudnn.Element.BFLOAT16,
        1,
        96,
        96,
        List.of(frames, 720L, 1280L),
        List.of(3L, 3L, 3L),
        List.of(0L, 1L, 1L),
        List.of(0L, 1L, 1L),
        List.of(1L, stride, stride),
        biased);
  }

  @Test
  void anotherNumberOfRowsTakesTheLibrarysFirst() {
    MatmulDescription shorter =
        MatmulDescription.linear(9440, 5120, 5120, Element.FLOAT8_E4M3, Element.BFLOAT16);
    assertThat(algorithms(table(LIBRARY, OURS)).algorithm(shorter)).isNull();
  }

  @Test
  void whatTheUserMeasuredComesBeforeWhatCameWithWan4j() {
    table(LIBRARY, THEIRS).addTo(folder.resolve("own.json"));
    Algorithms both = algorithms(table(LIBRARY, OURS));
    assertThat(both.algorithm(PRODUCT)).isEqualTo(THEIRS);
    assertThat(both.summary())
        .isEqualTo(
            "1 of "
                + folder.resolve("own.json")
                + ", before 1 of wan4j's for NVIDIA H200 with cuBLASLt 130100 and cuDNN 91400");
  }

  @Test
  void aFileKeepsTablesOfOtherLibrariesAndReplacesItsOwn() {
    Path file = folder.resolve("new/own.json");
    AlgorithmTable older = table(120_900, OURS);
    older.addTo(file);
    table(LIBRARY, OURS).addTo(file);
    table(LIBRARY, THEIRS).addTo(file);
    assertThat(AlgorithmTable.ofFile(file)).containsExactly(older, table(LIBRARY, THEIRS));
    assertThat(file.getParent()).isDirectoryContaining(path -> path.equals(file));
    assertThat(file.getParent().toFile().list()).hasSize(1);
  }

  @Test
  void aFileThatCannotBeWrittenIsToldAndLeavesNothing() throws Exception {
    Path file = Files.createFile(folder.resolve("file"));
    assertThatThrownBy(() -> table(LIBRARY, OURS).addTo(file.resolve("own.json")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("own.json cannot be written (" + file + " is not a folder)");
    assertThat(folder.toFile().list()).containsExactly("file");
  }

  @Test
  void aDamagedFileIsNamedWithTheCure() throws Exception {
    for (String text : List.of("[{\"device\": ", "[{\"device\": \"x\"}]")) {
      Path file = Files.writeString(folder.resolve("own.json"), text);
      assertThatThrownBy(() -> algorithms())
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(file + " holds no algorithms")
          .hasMessageEndingWith("delete it or run ./wan4j tune again");
    }
    Files.writeString(
        folder.resolve("own.json"),
        "[{\"device\": \"x\", \"library\": \"cuDNN\", \"version\": 1, \"choices\": [{\"work\":"
            + " \"p\", \"algorithm\": \"12\", \"milliseconds\": 1, \"firstMilliseconds\": 2}]}]");
    assertThatThrownBy(() -> algorithms())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("128 hexadecimal digits or two numbers, got \"12\"");
  }

  @Test
  void theTablesThatComeWithWan4jGainMoreThanTwoPercentEach() {
    Set<String> seen = new HashSet<>();
    for (AlgorithmTable table : AlgorithmTable.ofJar()) {
      for (AlgorithmTable.Choice choice : table.choices()) {
        assertThat(seen.add(table.device() + table.library() + table.version() + choice.work()))
            .as(choice.work())
            .isTrue();
        assertThat(choice.firstMilliseconds())
            .as(choice.work())
            .isGreaterThan(1.02 * choice.milliseconds());
      }
    }
  }

  @Test
  void everyFieldOfAProductIsInItsKey() {
    List<MatmulDescription> products =
        List.of(
            PRODUCT,
            MatmulDescription.linear(9456, 5120, 5121, Element.FLOAT8_E4M3, Element.BFLOAT16),
            MatmulDescription.linear(9456, 5120, 5120, Element.BFLOAT16, Element.BFLOAT16),
            MatmulDescription.linear(9456, 5120, 5120, Element.FLOAT8_E4M3, Element.FLOAT32),
            PRODUCT.with(Compute.TF32),
            PRODUCT.with(Epilogue.BIAS),
            PRODUCT.withScales(Scale.VECTOR, Scale.TENSOR),
            PRODUCT.withScales(Scale.TENSOR, Scale.VECTOR),
            PRODUCT.withFastAccumulation(true),
            PRODUCT.withBatch(2, 1, 2, 3),
            PRODUCT.withBatch(2, 1, 3, 3),
            PRODUCT.withBatch(2, 1, 2, 4),
            PRODUCT.withStrides(5121, 5120, 5120, false),
            PRODUCT.withStrides(5120, 5121, 5120, false),
            PRODUCT.withStrides(5120, 5120, 5121, false),
            PRODUCT.withStrides(5120, 5120, 5120, true));
    assertThat(products.stream().map(MatmulDescription::key)).doesNotHaveDuplicates();
    assertThat(PRODUCT.with(Epilogue.BIAS).withScales(Scale.VECTOR, Scale.VECTOR).key())
        .isEqualTo("9456 x 5120 x 5120 FLOAT8_E4M3 to BFLOAT16, FLOAT32, BIAS, VECTOR by VECTOR");
  }

  @Test
  void anAlgorithmIsChosenOnlyWhereItIsClearlyFaster() {
    double[] first = {1.00, 1.01, 1.02, 0.99, 1.00};
    double[] alike = {0.99, 1.00, 1.01, 0.98, 0.99};
    double[] faster = {0.90, 0.91, 0.92, 0.89, 0.90};
    double[] unsteady = {0.90, 1.10, 0.90, 1.10, 0.90};
    assertThat(FastestCandidate.winner(new double[][] {first, alike})).isZero();
    assertThat(FastestCandidate.winner(new double[][] {first, alike, faster})).isEqualTo(2);
    assertThat(FastestCandidate.winner(new double[][] {first, unsteady})).isZero();
  }
}
