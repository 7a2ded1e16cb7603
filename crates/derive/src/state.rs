//! The implementations of `nn::State`: of a module through its walk, of other structs field by field.

use crate::fields::Target;
use crate::visit::bounds;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Member, Result};

pub(crate) fn of_module(target: &Target<'_>) -> TokenStream {
    let Target { name, float, .. } = target;
    let (impl_generics, type_generics, _) = target.generics.split_for_impl();
    let bounds = bounds(target);
    quote! {
        #[automatically_derived]
        impl #impl_generics ::nn::state::State for #name #type_generics #bounds {
            fn record(&self, to: &mut ::nn::state::Record) {
                ::nn::state::record_module::<#float>(self, to)
            }
            fn recall(&mut self, from: &mut ::nn::state::Recall<'_>) {
                ::nn::state::recall_module::<#float>(self, from)
            }
        }
    }
}

pub(crate) fn of_fields(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "State can be derived for structs"));
    };
    let name = &input.ident;
    let (impl_generics, type_generics, clause) = input.generics.split_for_impl();
    let predicates = clause.iter().flat_map(|clause| &clause.predicates);
    let params: Vec<_> = input.generics.type_params().map(|param| &param.ident).collect();
    let fields = data.fields.iter().enumerate();
    let members: Vec<_> = fields.map(|(i, field)| field.ident.clone().map_or(Member::from(i), Member::Named)).collect();
    let labels: Vec<_> = members
        .iter()
        .map(|member| match member {
            Member::Named(name) => name.to_string().trim_start_matches("r#").to_owned(),
            Member::Unnamed(index) => index.index.to_string(),
        })
        .collect();
    let bounded = data.fields.iter().map(|field| &field.ty).filter(|ty| crate::fields::mentions(quote!(#ty), &params));
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::nn::state::State for #name #type_generics
        where
            #(#predicates,)*
            #(#bounded: ::nn::state::State,)*
        {
            fn record(&self, to: &mut ::nn::state::Record) {
                #(to.field(#labels, &self.#members);)*
            }
            fn recall(&mut self, from: &mut ::nn::state::Recall<'_>) {
                #(from.field(#labels, &mut self.#members);)*
            }
        }
    })
}
