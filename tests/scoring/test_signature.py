import io
import json

from scoring.preview import PreviewColumn, first_rows
from scoring.signature import Signature, compare, missing_required

MLMODEL = {
    "inputs": json.dumps(
        [
            {"type": "double", "name": "Age", "required": True},
            {"type": "string", "name": "Sex", "required": True},
            {"type": "long", "name": "Pclass", "required": True},
            {"type": "double", "name": "Fare", "required": False},
            {"type": "double", "name": "Deck", "required": True},
        ]
    ),
    "outputs": '[{"type": "long", "required": true}]',
    "params": None,
}


def test_columns_are_compared_with_the_signature() -> None:
    file = io.BytesIO(b"Survived,Age,Sex,Pclass\n1,22,male,3\n0,38,female,1\n")
    signature = Signature.from_mlmodel(MLMODEL)
    columns = first_rows(stream=file, name="t.csv").columns
    checks = {check.name: check for check in compare(columns=columns, signature=signature)}
    assert {name: check.verdict for name, check in checks.items()} == {
        "Age": "cast", "Sex": "matches", "Pclass": "matches", "Fare": "missing", "Deck": "missing",
        "Survived": "extra",
    }  # fmt: skip
    assert checks["Age"].detail == "long → double"
    assert checks["Age"].values == ["22", "38"]
    assert (checks["Fare"].required, checks["Deck"].required) == (False, True)
    assert missing_required(columns=columns, signature=signature) == ["Deck"]


def test_a_signature_survives_json() -> None:
    tensor = '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]'
    for given in (MLMODEL, None, {"inputs": tensor, "outputs": tensor}):
        signature = Signature.from_mlmodel(given)
        assert Signature.from_dict(json.loads(json.dumps(signature.to_dict()))) == signature


def test_without_signature_nothing_is_missing() -> None:
    signature = Signature.from_mlmodel(None)
    assert signature.inputs is None
    columns = [PreviewColumn(name="a", type="long", values=["1"])]
    assert [check.verdict for check in compare(columns=columns, signature=signature)] == ["matches"]
    assert missing_required(columns=columns, signature=signature) == []


def test_a_tensor_wants_exactly_its_width() -> None:
    tensor = '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]'
    signature = Signature.from_mlmodel({"inputs": tensor})
    columns = [PreviewColumn(name=name, type="double") for name in "abc"]
    assert [c.verdict for c in compare(columns=columns, signature=signature)] == ["cast", "cast", "extra"]
    assert [c.verdict for c in compare(columns=columns[:1], signature=signature)] == ["cast", "missing"]


def test_optional_columns_of_older_models() -> None:
    old = Signature.from_mlmodel({"inputs": '[{"type": "long", "name": "a", "optional": true}]'})
    assert missing_required(columns=["b"], signature=old) == []
