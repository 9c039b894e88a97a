"""dbt-duckdb plugin, named in profiles.yml as `udfs.dbt_plugin`: gives every dbt thread the SQL functions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from duckdb import DuckDBPyConnection

from udfs.duckdb_functions import CONFIG_KEYS, register_functions
from udfs.secret import find_secret


class Plugin(BasePlugin):
    """Registers the functions on dbt's connection; its config is that of `register_functions`."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take the config over; raises DbtRuntimeError for a key that doesn't exist."""
        # dbt-duckdb mixes the target's DuckDB settings into every plugin's config.
        settings = (self.creds.settings if self.creds else None) or {}
        unknown = sorted(set(plugin_config) - set(settings) - set(CONFIG_KEYS))
        if unknown:
            raise DbtRuntimeError(
                f"profiles.yml: udfs.dbt_plugin has no config {', '.join(unknown)}; it has {', '.join(CONFIG_KEYS)}"
            )
        self._config = {key: plugin_config[key] for key in CONFIG_KEYS if key in plugin_config}

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Make the database's folder so that a first `dbt build` says what is missing in its own words.

        It, the database, its log and its spill files hold personal data: what this process makes is for this user alone.
        """
        os.umask(0o077)
        if creds.path != ":memory:":
            Path(creds.path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register on the one connection of the process: its cursors, one a dbt thread, share its functions.

        Doing it per cursor (`configure_cursor`) would fail: DuckDB lets only the first registrant replace a function.

        Raises DbtRuntimeError for a config or a secret that can't be. Models are read later, when a query calls for them. dbt
        runs one after another in one process share the connection, and with it the models: train in another process.
        """
        try:
            register_functions(conn, self._config, find_secret(self._shop_database()))
        except ValueError as error:
            raise DbtRuntimeError(f"udfs.dbt_plugin: {error}") from error

    def _shop_database(self) -> Path:
        """The working database, beside which the key file lies: the training database's shop is attached to it."""
        attached = (self.creds.attach or []) if self.creds else []
        shop = next((attachment.path for attachment in attached if attachment.alias == "shop_source"), None)
        return Path(shop or (self.creds.path if self.creds else "")).resolve()
