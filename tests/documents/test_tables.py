"""docs/tables.md says what the code does with the tables beside the checkout."""

import pytest

from . import tables


@pytest.mark.skipif(not tables.CASES.exists(), reason="no cases beside the checkout")
def test_the_page_about_tables_is_what_its_script_writes():
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page()
