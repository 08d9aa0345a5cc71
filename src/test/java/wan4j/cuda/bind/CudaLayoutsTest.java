package wan4j.cuda.bind;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Struct layouts and enum numbers against what a C compiler makes of the headers.
final class CudaLayoutsTest {
  /// The toolkit's folders, the system's, and those of packages that pip installed beside their
  /// libraries.
  private static final List<Path> HEADERS =
      Stream.of(
              Stream.of("/usr/local/cuda/include", "/usr/local/cuda-13.0/include").map(Path::of),
              Stream.concat(
                      LibraryLocations.chosen(System.getenv()).stream(),
                      LibraryLocations.usual(Path.of("/"), System.getenv()).stream())
                  .map(folder -> folder.resolveSibling("include")),
              Stream.of(Path.of("/usr/include"), Path.of("/usr/include/x86_64-linux-gnu")))
          .flatMap(paths -> paths)
          .filter(Files::isDirectory)
          .distinct()
          .toList();

  @TempDir Path folder;

  @Test
  void structsOfTheDriverAreLaidOutAsInCuda() throws Exception {
    var facts = compiled("cuda.h", driverProgram());
    assertLayout(facts, CudaLayouts.TENSOR_MAP);
    assertThat(CudaLayouts.TENSOR_MAP.byteAlignment() % facts.get("alignof(CUtensorMap)")).isZero();
    for (var element : TensorMap.Element.values()) {
      assertThat(facts)
          .containsEntry(
              "CU_TENSOR_MAP_DATA_TYPE_"
                  + (element == TensorMap.Element.BYTE ? "UINT8" : element.name()),
              (long) element.code);
    }
    assertThat(facts).containsEntry("CU_TENSOR_MAP_SWIZZLE_128B", 3L);
  }

  @Test
  void matmulElementsHaveTheNumbersOfCuda() throws Exception {
    var facts =
        compiled(
            "library_types.h",
            """
            SAY(CUDA_R_32F) SAY(CUDA_R_16F) SAY(CUDA_R_16BF) SAY(CUDA_R_8F_E4M3)
            """);
    assertThat(facts)
        .containsEntry("CUDA_R_32F", (long) MatmulDescription.Element.FLOAT32.code)
        .containsEntry("CUDA_R_16F", (long) MatmulDescription.Element.FLOAT16.code)
        .containsEntry("CUDA_R_16BF", (long) MatmulDescription.Element.BFLOAT16.code)
        .containsEntry("CUDA_R_8F_E4M3", (long) MatmulDescription.Element.FLOAT8_E4M3.code);
  }

  @Test
  void structsOfCublasLtAreLaidOutAsInItsHeader() throws Exception {
    var facts =
        compiled(
            "cublasLt.h",
            """
            SIZE(cublasLtMatmulAlgo_t) OFFSET(cublasLtMatmulAlgo_t, data)
            SIZE(cublasLtMatmulHeuristicResult_t)
            OFFSET(cublasLtMatmulHeuristicResult_t, algo)
            OFFSET(cublasLtMatmulHeuristicResult_t, workspaceSize)
            OFFSET(cublasLtMatmulHeuristicResult_t, state)
            OFFSET(cublasLtMatmulHeuristicResult_t, wavesCount)
            OFFSET(cublasLtMatmulHeuristicResult_t, reserved)
            """);
    assertLayout(facts, CudaLayouts.MATMUL_ALGORITHM);
    assertLayout(facts, CudaLayouts.MATMUL_HEURISTIC);
  }

  @Test
  void cublasLtIsSpokenToInItsOwnNumbers() throws Exception {
    var expected = new TreeMap<String, Long>();
    expected.put("CUBLASLT_MATMUL_DESC_TRANSA", (long) CublasLt.INPUT_TRANSPOSED_A);
    expected.put("CUBLASLT_MATMUL_DESC_TRANSB", (long) CublasLt.INPUT_TRANSPOSED_B);
    expected.put("CUBLASLT_MATMUL_DESC_EPILOGUE", (long) CublasLt.EPILOGUE);
    expected.put("CUBLASLT_MATMUL_DESC_BIAS_POINTER", (long) CublasLt.BIAS_POINTER);
    expected.put("CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE", (long) CublasLt.BIAS_TYPE);
    expected.put("CUBLASLT_MATMUL_DESC_A_SCALE_POINTER", (long) CublasLt.A_SCALE_POINTER);
    expected.put("CUBLASLT_MATMUL_DESC_B_SCALE_POINTER", (long) CublasLt.B_SCALE_POINTER);
    expected.put("CUBLASLT_MATMUL_DESC_D_SCALE_POINTER", (long) CublasLt.D_SCALE_POINTER);
    expected.put("CUBLASLT_MATMUL_DESC_AMAX_D_POINTER", (long) CublasLt.AMAX_D_POINTER);
    expected.put("CUBLASLT_MATMUL_DESC_FAST_ACCUM", (long) CublasLt.FAST_ACCUMULATION);
    expected.put("CUBLASLT_MATMUL_DESC_A_SCALE_MODE", (long) CublasLt.A_SCALE_MODE);
    expected.put("CUBLASLT_MATMUL_DESC_B_SCALE_MODE", (long) CublasLt.B_SCALE_MODE);
    expected.put("CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT", (long) CublasLt.BATCH_COUNT);
    expected.put("CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET", (long) CublasLt.BATCH_STRIDE);
    expected.put("CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES", (long) CublasLt.MAX_WORKSPACE);
    expected.put("CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK", (long) CublasLt.REDUCTION_SCHEMES);
    expected.put("CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE", (long) CublasLt.ORDERED_REDUCTION);
    expected.put("CUBLAS_COMPUTE_32F", (long) MatmulDescription.Compute.FLOAT32.code);
    expected.put("CUBLAS_COMPUTE_32F_FAST_TF32", (long) MatmulDescription.Compute.TF32.code);
    expected.put("CUBLASLT_EPILOGUE_DEFAULT", (long) MatmulDescription.Epilogue.NONE.code);
    expected.put("CUBLASLT_EPILOGUE_BIAS", (long) MatmulDescription.Epilogue.BIAS.code);
    expected.put("CUBLASLT_EPILOGUE_GELU", (long) MatmulDescription.Epilogue.GELU.code);
    expected.put("CUBLASLT_EPILOGUE_GELU_BIAS", (long) MatmulDescription.Epilogue.GELU_BIAS.code);
    var scales = "CUBLASLT_MATMUL_MATRIX_SCALE_";
    expected.put(scales + "SCALAR_32F", (long) MatmulDescription.Scale.TENSOR.code);
    expected.put(scales + "OUTER_VEC_32F", (long) MatmulDescription.Scale.VECTOR.code);
    expected.put(scales + "VEC128_32F", (long) MatmulDescription.Scale.BLOCK_1X128.code);
    expected.put(scales + "BLK128x128_32F", (long) MatmulDescription.Scale.BLOCK_128X128.code);
    assertThat(compiled("cublasLt.h", numbers(expected.keySet()))).isEqualTo(expected);
  }

  @Test
  void cudnnIsSpokenToInItsOwnNumbers() throws Exception {
    var expected = new TreeMap<String, Long>();
    for (var field : CudnnNames.class.getDeclaredFields()) {
      if (!field.getName().equals("NOTES")) {
        expected.put(nameInCudnn(field.getName()), (long) field.getInt(null));
      }
    }
    for (var element : Cudnn.Element.values()) {
      var name = element == Cudnn.Element.FLOAT32 ? "FLOAT" : element.name();
      expected.put("CUDNN_DATA_" + name.replace("FLOAT8", "FP8"), (long) element.code);
    }
    assertThat(compiled("cudnn_graph.h", numbers(expected.keySet()))).isEqualTo(expected);
  }

  private static String nameInCudnn(String name) {
    if (name.endsWith("_DESCRIPTOR") && !name.startsWith("TYPE_") && !name.contains("_PW_")) {
      return "CUDNN_BACKEND_" + name;
    }
    if (name.startsWith("NOTE_")) {
      return "CUDNN_NUMERICAL_" + name;
    }
    return name.startsWith("TYPE_") || name.startsWith("HEUR_") || name.startsWith("CROSS_")
        ? "CUDNN_" + name
        : "CUDNN_ATTR_" + name;
  }

  @Test
  void ncclIsSpokenToInItsOwnNumbers() throws Exception {
    var expected = new TreeMap<String, Long>();
    expected.put("ncclSum", (long) Nccl.Reduction.SUM.code);
    expected.put("ncclMax", (long) Nccl.Reduction.MAXIMUM.code);
    expected.put("ncclInProgress", 7L);
    expected.put("ncclUint8", (long) Nccl.Element.BYTE.code);
    expected.put("ncclFloat32", (long) Nccl.Element.FLOAT32.code);
    expected.put("ncclFloat64", (long) Nccl.Element.FLOAT64.code);
    expected.put("ncclBfloat16", (long) Nccl.Element.BFLOAT16.code);
    assertThat(compiled("nccl.h", numbers(expected.keySet()))).isEqualTo(expected);
  }

  private static String numbers(Set<String> names) {
    return names.stream().map(name -> "SAY(" + name + ")\n").collect(Collectors.joining());
  }

  @Test
  void theNameOfACommunicatorIsLaidOutAsInNccl() throws Exception {
    var facts = compiled("nccl.h", "SIZE(ncclUniqueId) OFFSET(ncclUniqueId, internal)");
    assertLayout(facts, CudaLayouts.UNIQUE_ID);
  }

  /// The structs of libraries whose headers are seldom there, written out in C as the headers have
  /// them (NVIDIA's cublasLt.h 13.1 and nccl.h 2.27, read through their public bindings).
  @Test
  void structsOfTheLibrariesAreLaidOutAsCLaysOutTheirFields() throws Exception {
    var facts =
        compiled(
            "stddef.h",
            """
            typedef struct { unsigned long long data[8]; } cublasLtMatmulAlgo_t;
            typedef struct {
              cublasLtMatmulAlgo_t algo;
              size_t workspaceSize;
              int state;
              float wavesCount;
              int reserved[4];
            } cublasLtMatmulHeuristicResult_t;
            typedef struct { char internal[128]; } ncclUniqueId;
            SIZE(cublasLtMatmulAlgo_t) OFFSET(cublasLtMatmulAlgo_t, data)
            SIZE(cublasLtMatmulHeuristicResult_t)
            OFFSET(cublasLtMatmulHeuristicResult_t, algo)
            OFFSET(cublasLtMatmulHeuristicResult_t, workspaceSize)
            OFFSET(cublasLtMatmulHeuristicResult_t, state)
            OFFSET(cublasLtMatmulHeuristicResult_t, wavesCount)
            OFFSET(cublasLtMatmulHeuristicResult_t, reserved)
            SIZE(ncclUniqueId) OFFSET(ncclUniqueId, internal)
            """);
    assertLayout(facts, CudaLayouts.MATMUL_ALGORITHM);
    assertLayout(facts, CudaLayouts.MATMUL_HEURISTIC);
    assertLayout(facts, CudaLayouts.UNIQUE_ID);
  }

  private static String driverProgram() {
    return """
    SIZE(CUtensorMap) OFFSET(CUtensorMap, opaque)
    printf("alignof(CUtensorMap) %zu\\n", _Alignof(CUtensorMap));
    SAY(CU_TENSOR_MAP_DATA_TYPE_UINT8) SAY(CU_TENSOR_MAP_DATA_TYPE_FLOAT32)
    SAY(CU_TENSOR_MAP_DATA_TYPE_BFLOAT16) SAY(CU_TENSOR_MAP_SWIZZLE_128B)
    """;
  }

  private static void assertLayout(Map<String, Long> facts, StructLayout layout) {
    assertThat(facts).containsEntry("sizeof(" + name(layout) + ")", layout.byteSize());
    for (var field : fields(layout)) {
      assertThat(facts)
          .containsEntry(name(layout) + "." + field, CudaLayouts.offset(layout, field));
    }
  }

  private static String name(StructLayout layout) {
    return layout.name().orElseThrow();
  }

  private static List<String> fields(StructLayout layout) {
    return layout.memberLayouts().stream()
        .map(MemoryLayout::name)
        .flatMap(Optional::stream)
        .toList();
  }

  /// Compiles a program of SAY, SIZE and OFFSET lines with the header and reads what it prints.
  private Map<String, Long> compiled(String header, String body)
      throws IOException, InterruptedException {
    var isThere =
        header.equals("stddef.h")
            || HEADERS.stream().anyMatch(path -> Files.exists(path.resolve(header)));
    if (!isThere) {
      abort("there is no " + header + " on this machine");
    }
    var source = folder.resolve("facts.c");
    Files.writeString(
        source,
        """
        #include <stdio.h>
        #include <stddef.h>
        #include <%s>
        #define SAY(name) printf("%%s %%lld\\n", #name, (long long)(name));
        #define SIZE(type) printf("sizeof(%%s) %%zu\\n", #type, sizeof(type));
        #define OFFSET(type, field) printf("%%s.%%s %%zu\\n", #type, #field, offsetof(type, field));
        int main(void) {
        %s
        return 0; }
        """
            .formatted(header, body));
    var program = folder.resolve("facts");
    var command = new ArrayList<>(List.of("gcc", "-w"));
    HEADERS.forEach(path -> command.addAll(List.of("-idirafter", path.toString())));
    command.addAll(List.of(source.toString(), "-o", program.toString()));
    output(command.toArray(String[]::new));
    var facts = new TreeMap<String, Long>();
    for (var line : output(program.toString()).lines().toList()) {
      var space = line.lastIndexOf(' ');
      facts.put(line.substring(0, space), Long.valueOf(line.substring(space + 1)));
    }
    return facts;
  }

  private static String output(String... command) throws IOException, InterruptedException {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      return abort(command[0] + " is not on the path: " + e.getMessage());
    }
    var text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    var isWhole = process.waitFor() == 0 || !text.contains("No such file or directory");
    if (!isWhole) {
      abort(
          "a header that another one includes is missing: " + text.lines().findFirst().orElse(""));
    }
    assertThat(process.exitValue()).as(text).isZero();
    return text;
  }
}
