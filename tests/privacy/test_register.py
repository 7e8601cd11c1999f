"""The register of personal columns names each column of each table once: the core's, and shipped plugins'."""

from sqlalchemy import Column, MetaData, Table, Text
from storefront_fanfunding import FanfundingPlugin
from storefront_fraud import FraudPlugin
from storefront_mail import MailPlugin
from storefront_microtransactions import MicrotransactionsPlugin
from storefront_subscriptions import SubscriptionsPlugin

from storefront.core.privacy.core_register import core_register
from storefront.core.privacy.register import Held, by, mistakes
from storefront.core.tables import metadata

PLUGINS = (FanfundingPlugin, FraudPlugin, MailPlugin, MicrotransactionsPlugin, SubscriptionsPlugin)


def test_each_column_of_the_core_is_classified_once():
    assert mistakes(core_register(), list(metadata.tables.values())) == []


def test_each_column_of_each_shipped_plugin_is_classified_once():
    for plugin in PLUGINS:
        assert mistakes(plugin.personal_data, plugin.tables) == [], plugin


def test_a_column_that_nobody_thought_of_is_told():
    table = Table("seen", MetaData(), *(Column(name, Text) for name in ("id", "customer_id", "address")))
    other = Table("other", MetaData(), Column("id", Text))
    assert mistakes([Held(table, by("customer_id"), plain="id customer_id")], [table, other]) == [
        "other is not in the register",
        "seen.address is classified 0 times",
    ]
    assert mistakes([Held(table, personal="address id", plain="id customer_id gone")], [table]) == [
        "seen.gone is no column",
        "seen.id is classified 2 times",
        "seen does not say whose its rows are",
    ]


def test_what_an_export_withholds_is_never_personal():
    for held in (*core_register(), *(held for plugin in PLUGINS for held in plugin.personal_data)):
        personal = {column for column, name in held.classes() if name in ("personal", "kept")}
        assert personal <= set(held.shown), held.table.name
