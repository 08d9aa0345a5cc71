package wan4j.cuda.bind;

/// Numbers of cudnn_graph.h that we use, under the header's names without their common prefix.
final class CudnnNames {
  // cudnnBackendDescriptorType_t
  static final int POINTWISE_DESCRIPTOR = 0;
  static final int CONVOLUTION_DESCRIPTOR = 1;
  static final int ENGINE_DESCRIPTOR = 2;
  static final int ENGINECFG_DESCRIPTOR = 3;
  static final int ENGINEHEUR_DESCRIPTOR = 4;
  static final int EXECUTION_PLAN_DESCRIPTOR = 5;
  static final int OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR = 10;
  static final int OPERATION_POINTWISE_DESCRIPTOR = 13;
  static final int OPERATIONGRAPH_DESCRIPTOR = 15;
  static final int VARIANT_PACK_DESCRIPTOR = 16;
  static final int TENSOR_DESCRIPTOR = 17;
  static final int MATMUL_DESCRIPTOR = 18;
  static final int OPERATION_MATMUL_DESCRIPTOR = 19;
  static final int REDUCTION_DESCRIPTOR = 21;
  static final int OPERATION_REDUCTION_DESCRIPTOR = 22;
  static final int OPERATION_SDPA_FWD_DESCRIPTOR = 41;

  // cudnnBackendAttributeType_t
  static final int TYPE_HANDLE = 0;
  static final int TYPE_DATA_TYPE = 1;
  static final int TYPE_BOOLEAN = 2;
  static final int TYPE_INT64 = 3;
  static final int TYPE_FLOAT = 4;
  static final int TYPE_VOID_PTR = 6;
  static final int TYPE_CONVOLUTION_MODE = 7;
  static final int TYPE_HEUR_MODE = 8;
  static final int TYPE_NUMERICAL_NOTE = 11;
  static final int TYPE_POINTWISE_MODE = 14;
  static final int TYPE_BACKEND_DESCRIPTOR = 15;
  static final int TYPE_REDUCTION_OPERATOR_TYPE = 18;

  // cudnnBackendAttributeName_t
  static final int POINTWISE_MODE = 0;
  static final int POINTWISE_MATH_PREC = 1;
  static final int CONVOLUTION_COMP_TYPE = 100;
  static final int CONVOLUTION_CONV_MODE = 101;
  static final int CONVOLUTION_DILATIONS = 102;
  static final int CONVOLUTION_FILTER_STRIDES = 103;
  static final int CONVOLUTION_POST_PADDINGS = 104;
  static final int CONVOLUTION_PRE_PADDINGS = 105;
  static final int CONVOLUTION_SPATIAL_DIMS = 106;
  static final int ENGINEHEUR_MODE = 200;
  static final int ENGINEHEUR_OPERATION_GRAPH = 201;
  static final int ENGINEHEUR_RESULTS = 202;
  static final int ENGINECFG_ENGINE = 300;
  static final int EXECUTION_PLAN_HANDLE = 400;
  static final int EXECUTION_PLAN_ENGINE_CONFIG = 401;
  static final int EXECUTION_PLAN_WORKSPACE_SIZE = 402;
  static final int OPERATION_CONVOLUTION_FORWARD_ALPHA = 700;
  static final int OPERATION_CONVOLUTION_FORWARD_BETA = 701;
  static final int OPERATION_CONVOLUTION_FORWARD_CONV_DESC = 702;
  static final int OPERATION_CONVOLUTION_FORWARD_W = 703;
  static final int OPERATION_CONVOLUTION_FORWARD_X = 704;
  static final int OPERATION_CONVOLUTION_FORWARD_Y = 705;
  static final int OPERATION_POINTWISE_PW_DESCRIPTOR = 750;
  static final int OPERATION_POINTWISE_XDESC = 751;
  static final int OPERATION_POINTWISE_BDESC = 752;
  static final int OPERATION_POINTWISE_YDESC = 753;
  static final int OPERATIONGRAPH_HANDLE = 800;
  static final int OPERATIONGRAPH_OPS = 801;
  static final int TENSOR_BYTE_ALIGNMENT = 900;
  static final int TENSOR_DATA_TYPE = 901;
  static final int TENSOR_DIMENSIONS = 902;
  static final int TENSOR_STRIDES = 903;
  static final int TENSOR_UNIQUE_ID = 906;
  static final int TENSOR_IS_VIRTUAL = 907;
  static final int TENSOR_IS_BY_VALUE = 908;
  static final int VARIANT_PACK_UNIQUE_IDS = 1000;
  static final int VARIANT_PACK_DATA_POINTERS = 1001;
  static final int VARIANT_PACK_WORKSPACE = 1003;
  static final int ENGINE_GLOBAL_INDEX = 1301;
  static final int ENGINE_NUMERICAL_NOTE = 1303;
  static final int MATMUL_COMP_TYPE = 1500;
  static final int OPERATION_MATMUL_ADESC = 1520;
  static final int OPERATION_MATMUL_BDESC = 1521;
  static final int OPERATION_MATMUL_CDESC = 1522;
  static final int OPERATION_MATMUL_DESC = 1523;
  static final int REDUCTION_OPERATOR = 1600;
  static final int REDUCTION_COMP_TYPE = 1601;
  static final int OPERATION_REDUCTION_XDESC = 1610;
  static final int OPERATION_REDUCTION_YDESC = 1611;
  static final int OPERATION_REDUCTION_DESC = 1612;
  static final int OPERATION_SDPA_FWD_QDESC = 2800;
  static final int OPERATION_SDPA_FWD_KDESC = 2801;
  static final int OPERATION_SDPA_FWD_VDESC = 2802;
  static final int OPERATION_SDPA_FWD_ODESC = 2803;
  static final int OPERATION_SDPA_FWD_SCALEDESC = 2805;

  // cudnnBackendHeurMode_t
  static final int HEUR_MODE_FALLBACK = 2;
  static final int HEUR_MODE_A = 3;

  // cudnnBackendNumericalNote_t
  static final int NOTE_TENSOR_CORE = 0;
  static final int NOTE_DOWN_CONVERT_INPUTS = 1;
  static final int NOTE_REDUCED_PRECISION_REDUCTION = 2;
  static final int NOTE_NONDETERMINISTIC = 4;
  static final int NOTES = 16; // room for the ten there are now

  // cudnnConvolutionMode_t
  static final int CROSS_CORRELATION = 1;

  private CudnnNames() {}
}
