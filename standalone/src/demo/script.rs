//! How a demo shop is written down: steps in order, short enough to read as a story.

use domain::Command;
use domain::admin::{OpenStore, RegisterTerminal, SetTaxRate};
use domain::catalogue::CreateItem;
use domain::customers::RegisterCustomer;
use domain::sales::{CompleteSale, PaymentRequest};
use domain::stock::{ReceiptLine, ReceiveStock};
use domain::streams;
use platform::vault::Vault;
use schemas::events::catalogue::{ItemDetails, ItemKind};
use schemas::events::customer::{CreditTerms, CustomerKind};
use schemas::events::sale::{DraftLine, PaymentMethod};
use schemas::ids::{CustomerId, SaleId, Sku, StoreId, TaxCode, TenantId, TerminalId, UnitId};
use schemas::{Minor, Quantity, StreamName};

/// The steps of one shop.
#[derive(Default)]
pub struct Script {
    pub steps: Vec<Step>,
    /// The stream that the last step creates: when it exists, the shop is complete.
    pub last_stream: Option<StreamName>,
}

/// A command, or a customer whose data must be sealed first.
pub enum Step {
    Command(Box<Command>),
    Customer {
        id: CustomerId,
        kind: CustomerKind,
        credit: CreditTerms,
        name: &'static str,
        phone: &'static str,
    },
}

impl Step {
    /// The command to submit; a customer's name and phone are sealed under the customer's key.
    pub async fn build(self, vault: &Vault, tenant: &TenantId) -> anyhow::Result<Command> {
        match self {
            Step::Command(command) => Ok(*command),
            Step::Customer {
                id,
                kind,
                credit,
                name,
                phone,
            } => {
                let person = streams::customer(&id);
                let name = vault.seal_person(tenant, person.as_str(), "name", name).await?;
                let phone = vault.seal_person(tenant, person.as_str(), "phone", phone).await?;
                Ok(RegisterCustomer {
                    customer_id: id,
                    kind,
                    credit,
                    name,
                    tax_id: None,
                    email: None,
                    phone: Some(phone),
                    address: None,
                }
                .into())
            }
        }
    }
}

/// Goods in a sale: a SKU with a count, or one unit.
pub enum Goods {
    Sku(&'static str, i64),
    Unit(String),
}

impl Script {
    fn push(&mut self, command: impl Into<Command>) {
        self.steps.push(Step::Command(Box::new(command.into())));
    }

    /// Sets a tax rate in parts per million: 150,000 is 15 %.
    pub fn tax(&mut self, code: &str, name: &str, rate_ppm: i64) -> anyhow::Result<()> {
        self.push(SetTaxRate {
            tax_code: TaxCode::new(code)?,
            name: name.to_owned(),
            rate_ppm,
        });
        Ok(())
    }

    /// Opens a store with one till, named after it.
    pub fn store(&mut self, store: &str, name: &str) -> anyhow::Result<()> {
        let store = StoreId::new(store)?;
        self.push(OpenStore {
            store: store.clone(),
            name: name.to_owned(),
        });
        self.push(RegisterTerminal {
            terminal: TerminalId::new(&format!("{store}-1"))?,
            store,
            name: format!("{name}, 1"),
        });
        Ok(())
    }

    /// Adds an item at a price in minor units of the tenant's currency.
    pub fn item(
        &mut self,
        sku: &str,
        name: &str,
        kind: ItemKind,
        price_minor: i64,
        tax_code: &str,
        details: ItemDetails,
    ) -> anyhow::Result<()> {
        self.push(CreateItem {
            sku: Sku::new(sku)?,
            name: name.to_owned(),
            kind,
            price_minor: Minor::new(price_minor)?,
            tax_code: Some(TaxCode::new(tax_code)?),
            details,
        });
        Ok(())
    }

    /// Takes counted goods in: SKU, pieces, and what one piece cost in minor units.
    pub fn receive(&mut self, store: &str, lines: &[(&str, i64, i64)]) -> anyhow::Result<()> {
        let lines = lines
            .iter()
            .map(|(sku, quantity, cost_minor)| {
                Ok(ReceiptLine {
                    sku: Sku::new(sku)?,
                    quantity: Quantity::new(*quantity)?,
                    unit_cost_minor: Some(Minor::new(*cost_minor)?),
                    units: Vec::new(),
                })
            })
            .collect::<anyhow::Result<_>>()?;
        self.push(ReceiveStock {
            store: StoreId::new(store)?,
            reference: Some("apertura".to_owned()),
            lines,
        });
        Ok(())
    }

    /// Takes units of one serialised item in, each at the same cost in minor units.
    pub fn receive_units(
        &mut self,
        store: &str,
        sku: &str,
        cost_minor: i64,
        units: &[String],
    ) -> anyhow::Result<()> {
        let line = ReceiptLine {
            sku: Sku::new(sku)?,
            quantity: Quantity::new(i64::try_from(units.len())?)?,
            unit_cost_minor: Some(Minor::new(cost_minor)?),
            units: units
                .iter()
                .map(|unit| UnitId::new(unit))
                .collect::<Result<_, _>>()?,
        };
        self.push(ReceiveStock {
            store: StoreId::new(store)?,
            reference: Some("apertura".to_owned()),
            lines: vec![line],
        });
        Ok(())
    }

    /// Registers a customer whose name and phone are sealed when the step is built.
    pub fn customer(
        &mut self,
        id: &str,
        kind: CustomerKind,
        credit: CreditTerms,
        name: &'static str,
        phone: &'static str,
    ) -> anyhow::Result<()> {
        self.steps.push(Step::Customer {
            id: CustomerId::new(id)?,
            kind,
            credit,
            name,
            phone,
        });
        Ok(())
    }

    /// Sells at the store's first till at the catalogue's prices; payments are in minor units. It becomes the last step
    /// to look for.
    pub fn sale(
        &mut self,
        id: &str,
        store: &str,
        customer: Option<&str>,
        goods: Vec<Goods>,
        payments: &[(PaymentMethod, i64)],
    ) -> anyhow::Result<()> {
        let sale_id = SaleId::new(id)?;
        let lines = goods
            .into_iter()
            .map(|goods| {
                let (sku, unit, quantity) = match goods {
                    Goods::Sku(sku, quantity) => (Some(Sku::new(sku)?), None, Quantity::new(quantity)?),
                    Goods::Unit(unit) => (None, Some(UnitId::new(&unit)?), Quantity::ONE),
                };
                Ok(DraftLine {
                    sku,
                    unit,
                    quantity,
                    unit_price_minor: None,
                    discount: None,
                })
            })
            .collect::<anyhow::Result<_>>()?;
        let payments = payments
            .iter()
            .map(|(method, minor)| {
                Ok(PaymentRequest {
                    method: *method,
                    amount_minor: Minor::new(*minor)?,
                    reference: None,
                })
            })
            .collect::<anyhow::Result<_>>()?;
        self.last_stream = Some(streams::sale(&sale_id));
        self.push(CompleteSale {
            sale_id: Some(sale_id),
            store: StoreId::new(store)?,
            terminal: Some(TerminalId::new(&format!("{store}-1"))?),
            customer_id: customer.map(CustomerId::new).transpose()?,
            lines,
            discount: None,
            payments,
            reservation_id: None,
            occurred_at: None,
        });
        Ok(())
    }
}

/// An IMEI unit: a type allocation code of 8 digits, a serial of 6, and the check digit.
pub fn imei(tac: &str, serial: u32) -> String {
    let digits = format!("{tac}{serial:06}");
    let check = (0..10)
        .find(|check| schemas::ids::is_imei(&format!("{digits}{check}")))
        .unwrap_or(0);
    format!("imei:{digits}{check}")
}
