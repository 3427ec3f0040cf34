"""The published architectures: their sizes, imported weights, and what training may change."""

import pytest
import timm
import torch
from expression import backbones, config, train
from expression.backbones import Backbone, WeightsError
from expression.nets import NetConfig, build


def weights_of(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_the_accounts_nets_have_the_sizes_that_it_gives():
    assert weights_of(build(NetConfig("vgg16"))) == 134_289_223
    resnet = build(NetConfig("resnet101"))
    statistics = sum(b.numel() for n, b in resnet.named_buffers() if "running" in n)
    assert weights_of(resnet) + statistics == 42_619_847


@pytest.mark.parametrize("name", ["alexnet", "resnet101", "efficientnet_lite0"])
def test_a_grey_crop_gives_seven_logits(name):
    net = build(NetConfig(name)).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 1, 112, 112)).shape == (2, 7)
    assert net.head.out_features == 7


def test_alexnet_passes_its_signal_on_before_it_has_learned():
    torch.manual_seed(3)
    net = build(NetConfig("alexnet")).eval()
    caught = []
    net.head.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        net(torch.randn(2, 1, 112, 112))
    # PyTorch's own beginning leaves a hundredth.
    assert 0.3 < caught[0].std() < 10


def test_imagenet_weights_answer_to_grey_as_to_three_equal_channels():
    whole = timm.create_model("tf_efficientnet_lite0").eval()
    whole.load_state_dict(backbones.imagenet_lite0())
    net = Backbone(backbones.LITE0, side=112, dropout=0.0).eval()
    net.start(backbones.IMAGENET)
    crop = torch.rand(1, 1, 112, 112, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        expected = whole.forward_features(crop.expand(-1, 3, -1, -1))
        torch.testing.assert_close(net.body.forward_features(crop), expected, atol=1e-4, rtol=1e-4)


def test_weights_by_path_are_taken_but_for_the_head(tmp_path):
    theirs = timm.create_model("tf_efficientnet_lite0", num_classes=1000)
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "w.pth")
    net = Backbone(backbones.LITE0, side=112, dropout=0.0)
    head = net.head.weight.clone()
    net.start(str(tmp_path / "w.pth"))
    torch.testing.assert_close(net.body.conv_head.weight, theirs.conv_head.weight)
    assert torch.equal(net.head.weight, head)


def test_wrong_weights_are_refused_by_name(tmp_path):
    net = Backbone(backbones.LITE0, side=112, dropout=0.0)
    with pytest.raises(WeightsError, match="absent.pth"):
        net.start(str(tmp_path / "absent.pth"))
    torch.save(timm.create_model("resnet18").state_dict(), tmp_path / "resnet18.pth")
    with pytest.raises(WeightsError, match="conv_stem.weight is missing"):
        net.start(str(tmp_path / "resnet18.pth"))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="not a state dict"):
        net.start(str(tmp_path / "list.pth"))


def trained_layers(**start) -> set[str]:
    """The first parts of the names of what training would change."""
    whole = config.parse(
        {"net": {"architecture": "efficientnet_lite0"}, "train": {"epochs": 1}, "start": start}
    )
    net = train.started(whole)
    return {name.split(".")[1] for name, weight in net.named_parameters() if weight.requires_grad}


def test_what_is_frozen_is_not_trained():
    assert trained_layers(only_head=True) == {"classifier"}
    assert "conv_stem" in trained_layers()
    assert trained_layers(frozen=["conv_stem", "bn1", "blocks"]) == {"conv_head", "bn2", "classifier"}


def test_a_configuration_names_what_it_does_not_know(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('[net]\narchitecture = "resnet9000"\n[train]\nepochs = 1\n')
    with pytest.raises(config.ConfigError, match="resnet9000.*there are"):
        config.load(path)
