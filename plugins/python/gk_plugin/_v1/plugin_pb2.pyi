from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_LAYER: _ClassVar[Kind]
    KIND_ACTIVATION: _ClassVar[Kind]
    KIND_INITIALIZER: _ClassVar[Kind]
    KIND_REGULARIZER: _ClassVar[Kind]
    KIND_CONSTRAINT: _ClassVar[Kind]
    KIND_OPTIMIZER: _ClassVar[Kind]
    KIND_LOSS: _ClassVar[Kind]
    KIND_METRIC: _ClassVar[Kind]
KIND_UNSPECIFIED: Kind
KIND_LAYER: Kind
KIND_ACTIVATION: Kind
KIND_INITIALIZER: Kind
KIND_REGULARIZER: Kind
KIND_CONSTRAINT: Kind
KIND_OPTIMIZER: Kind
KIND_LOSS: Kind
KIND_METRIC: Kind

class Shape(_message.Message):
    __slots__ = ("dims",)
    DIMS_FIELD_NUMBER: _ClassVar[int]
    dims: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, dims: _Optional[_Iterable[int]] = ...) -> None: ...

class DescribeRequest(_message.Message):
    __slots__ = ("gk_version", "features")
    GK_VERSION_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    gk_version: str
    features: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, gk_version: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ...) -> None: ...

class Description(_message.Message):
    __slots__ = ("name", "version", "about", "sdk", "features", "classes", "threads")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    SDK_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    about: str
    sdk: str
    features: _containers.RepeatedScalarFieldContainer[str]
    classes: _containers.RepeatedCompositeFieldContainer[Class]
    threads: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., about: _Optional[str] = ..., sdk: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., classes: _Optional[_Iterable[_Union[Class, _Mapping]]] = ..., threads: _Optional[int] = ...) -> None: ...

class Class(_message.Message):
    __slots__ = ("kind", "package", "name", "aliases", "about", "defaults", "example", "module")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    kind: Kind
    package: str
    name: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    about: str
    defaults: bytes
    example: bytes
    module: str
    def __init__(self, kind: _Optional[_Union[Kind, str]] = ..., package: _Optional[str] = ..., name: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., about: _Optional[str] = ..., defaults: _Optional[bytes] = ..., example: _Optional[bytes] = ..., module: _Optional[str] = ...) -> None: ...

class BuildRequest(_message.Message):
    __slots__ = ("kind", "config", "inputs", "names")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    kind: Kind
    config: bytes
    inputs: _containers.RepeatedCompositeFieldContainer[Shape]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, kind: _Optional[_Union[Kind, str]] = ..., config: _Optional[bytes] = ..., inputs: _Optional[_Iterable[_Union[Shape, _Mapping]]] = ..., names: _Optional[_Iterable[str]] = ..., **kwargs) -> None: ...

class Built(_message.Message):
    __slots__ = ("object", "config", "weights", "outputs")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    object: int
    config: bytes
    weights: _containers.RepeatedCompositeFieldContainer[Weight]
    outputs: _containers.RepeatedCompositeFieldContainer[Shape]
    def __init__(self, object: _Optional[int] = ..., config: _Optional[bytes] = ..., weights: _Optional[_Iterable[_Union[Weight, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Shape, _Mapping]]] = ...) -> None: ...

class Weight(_message.Message):
    __slots__ = ("name", "shape", "fixed", "state", "initializer", "regularizer", "constraint", "group", "dtype")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    FIXED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    INITIALIZER_FIELD_NUMBER: _ClassVar[int]
    REGULARIZER_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    shape: Shape
    fixed: bool
    state: bool
    initializer: bytes
    regularizer: bytes
    constraint: bytes
    group: str
    dtype: str
    def __init__(self, name: _Optional[str] = ..., shape: _Optional[_Union[Shape, _Mapping]] = ..., fixed: bool = ..., state: bool = ..., initializer: _Optional[bytes] = ..., regularizer: _Optional[bytes] = ..., constraint: _Optional[bytes] = ..., group: _Optional[str] = ..., dtype: _Optional[str] = ...) -> None: ...

class TraceRequest(_message.Message):
    __slots__ = ("object", "method", "inputs", "training", "masks", "present", "arguments", "weight")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    MASKS_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    object: int
    method: str
    inputs: _containers.RepeatedCompositeFieldContainer[Shape]
    training: bool
    masks: _containers.RepeatedCompositeFieldContainer[Shape]
    present: _containers.RepeatedScalarFieldContainer[bool]
    arguments: bytes
    weight: int
    def __init__(self, object: _Optional[int] = ..., method: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[Shape, _Mapping]]] = ..., training: bool = ..., masks: _Optional[_Iterable[_Union[Shape, _Mapping]]] = ..., present: _Optional[_Iterable[bool]] = ..., arguments: _Optional[bytes] = ..., weight: _Optional[int] = ...) -> None: ...

class Traced(_message.Message):
    __slots__ = ("nodes", "outputs", "updates", "losses", "masks", "has_masks")
    NODES_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    MASKS_FIELD_NUMBER: _ClassVar[int]
    HAS_MASKS_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    outputs: _containers.RepeatedCompositeFieldContainer[Value]
    updates: _containers.RepeatedCompositeFieldContainer[Update]
    losses: _containers.RepeatedCompositeFieldContainer[Value]
    masks: _containers.RepeatedCompositeFieldContainer[Value]
    has_masks: bool
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., updates: _Optional[_Iterable[_Union[Update, _Mapping]]] = ..., losses: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., masks: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., has_masks: bool = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("node", "output")
    NODE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    node: int
    output: int
    def __init__(self, node: _Optional[int] = ..., output: _Optional[int] = ...) -> None: ...

class Update(_message.Message):
    __slots__ = ("weight", "value")
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    weight: int
    value: Value
    def __init__(self, weight: _Optional[int] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("op", "attr", "table", "compute")
    OP_FIELD_NUMBER: _ClassVar[int]
    IN_FIELD_NUMBER: _ClassVar[int]
    ATTR_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_FIELD_NUMBER: _ClassVar[int]
    op: str
    attr: bytes
    table: bytes
    compute: Computation
    def __init__(self, op: _Optional[str] = ..., attr: _Optional[bytes] = ..., table: _Optional[bytes] = ..., compute: _Optional[_Union[Computation, _Mapping]] = ..., **kwargs) -> None: ...

class Computation(_message.Message):
    __slots__ = ("id", "name", "outputs", "differentiable", "needs_inputs", "needs_outputs")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENTIABLE_FIELD_NUMBER: _ClassVar[int]
    NEEDS_INPUTS_FIELD_NUMBER: _ClassVar[int]
    NEEDS_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    outputs: _containers.RepeatedCompositeFieldContainer[Shape]
    differentiable: _containers.RepeatedScalarFieldContainer[bool]
    needs_inputs: bool
    needs_outputs: bool
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., outputs: _Optional[_Iterable[_Union[Shape, _Mapping]]] = ..., differentiable: _Optional[_Iterable[bool]] = ..., needs_inputs: bool = ..., needs_outputs: bool = ...) -> None: ...

class FillRequest(_message.Message):
    __slots__ = ("object", "weight", "shape", "seed")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    object: int
    weight: int
    shape: Shape
    seed: int
    def __init__(self, object: _Optional[int] = ..., weight: _Optional[int] = ..., shape: _Optional[_Union[Shape, _Mapping]] = ..., seed: _Optional[int] = ...) -> None: ...

class AttachRequest(_message.Message):
    __slots__ = ("bell", "segments")
    BELL_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    bell: str
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    def __init__(self, bell: _Optional[str] = ..., segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("offset", "size")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    offset: int
    size: int
    def __init__(self, offset: _Optional[int] = ..., size: _Optional[int] = ...) -> None: ...

class Attached(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BindRequest(_message.Message):
    __slots__ = ("computation", "backward", "tensors", "results")
    COMPUTATION_FIELD_NUMBER: _ClassVar[int]
    BACKWARD_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    computation: int
    backward: bool
    tensors: _containers.RepeatedCompositeFieldContainer[Tensor]
    results: _containers.RepeatedCompositeFieldContainer[Tensor]
    def __init__(self, computation: _Optional[int] = ..., backward: bool = ..., tensors: _Optional[_Iterable[_Union[Tensor, _Mapping]]] = ..., results: _Optional[_Iterable[_Union[Tensor, _Mapping]]] = ...) -> None: ...

class Tensor(_message.Message):
    __slots__ = ("shape", "offset")
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    shape: Shape
    offset: int
    def __init__(self, shape: _Optional[_Union[Shape, _Mapping]] = ..., offset: _Optional[int] = ...) -> None: ...

class Bound(_message.Message):
    __slots__ = ("binding",)
    BINDING_FIELD_NUMBER: _ClassVar[int]
    binding: int
    def __init__(self, binding: _Optional[int] = ...) -> None: ...

class Piece(_message.Message):
    __slots__ = ("computation", "seed", "step", "tensors", "data")
    COMPUTATION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    computation: int
    seed: int
    step: int
    tensors: _containers.RepeatedCompositeFieldContainer[Shape]
    data: bytes
    def __init__(self, computation: _Optional[int] = ..., seed: _Optional[int] = ..., step: _Optional[int] = ..., tensors: _Optional[_Iterable[_Union[Shape, _Mapping]]] = ..., data: _Optional[bytes] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("objects", "computations", "bindings")
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    COMPUTATIONS_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedScalarFieldContainer[int]
    computations: _containers.RepeatedScalarFieldContainer[int]
    bindings: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, objects: _Optional[_Iterable[int]] = ..., computations: _Optional[_Iterable[int]] = ..., bindings: _Optional[_Iterable[int]] = ...) -> None: ...

class Released(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PluginState(_message.Message):
    __slots__ = ("objects", "computations", "bindings", "calls", "memory")
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    COMPUTATIONS_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    objects: int
    computations: int
    bindings: int
    calls: int
    memory: int
    def __init__(self, objects: _Optional[int] = ..., computations: _Optional[int] = ..., bindings: _Optional[int] = ..., calls: _Optional[int] = ..., memory: _Optional[int] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("kind", "where", "msg", "hint")
    KIND_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    MSG_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    where: str
    msg: str
    hint: str
    def __init__(self, kind: _Optional[str] = ..., where: _Optional[str] = ..., msg: _Optional[str] = ..., hint: _Optional[str] = ...) -> None: ...
